// One TCP connection's stream towards the client over a line: congestion window, loss recovery with SACK, retransmission
// time-outs, in-order delivery. Works on trains of up to eleven packets. Knows bytes, not frames.
// Model: an acknowledgement per train, without loss of its own; a loss is noticed when something sent later is
// acknowledged, else by a tail probe after two round trips, then by time-outs of at least 200 ms that double.
import type { Agenda } from '../agenda.ts';
import type { Congestion } from './congestion.ts';
import { FIRST_WINDOW_BYTES } from './congestion.ts';
import { PACKET_BYTES } from './link.ts';
import type { Fate } from './link.ts';
import type { Line } from './line.ts';
import { Reception } from './reception.ts';

const MOST_TRAIN_PACKETS = 11;
const LEAST_TIMEOUT_MS = 200;
const MOST_TIMEOUT_MS = 60_000;
const LEAST_PROBE_MS = 10;

/** Stream bytes [start, end); `bytes` of them are on the line (fewer for a hole that is filled). */
type Train = {
  readonly start: number;
  readonly end: number;
  readonly bytes: number;
  readonly order: number;
  readonly sentAt: number;
  /** First packet's share of the time on the line, ms less than the whole train's. */
  readonly trailMs: number;
  readonly acknowledgedBefore: number;
  readonly acknowledgedAt: number;
  readonly isSupplied: boolean;
};

export type FlowEvents = {
  /** The client's kernel has `bytes` more in order. */
  readonly received: (bytes: number) => void;
  /** Something left the send buffer for the first time. */
  readonly drained: () => void;
};

/** A flow from a sender next to the line's entrance. */
export class Flow {
  readonly #agenda: Agenda;
  readonly #line: Line;
  readonly #congestion: Congestion;
  readonly #events: FlowEvents;
  readonly #reception: Reception;
  #written = 0;
  #sent = 0;
  #inFlight = 0;
  #mostInFlight = 0;
  #order = 0;
  #lost: Train[] = [];
  #missing: Train[] = [];
  #roundEnd = 0;
  #recoveryEnd = 0;
  /** In fast recovery: until what was sent after the loss was noticed is acknowledged, windows do not grow. */
  #isRecovering = false;
  #leastRttMs: number;
  #smoothRttMs: number;
  #rttVariance: number;
  #acknowledged = 0;
  #acknowledgedAt = 0;
  #progressAt = 0;
  #probes = 0;
  #isWatching = false;
  #nextSendAt = 0;
  #isPaused = false;
  #closed = false;

  constructor(agenda: Agenda, line: Line, congestion: Congestion, handshakeMs: number, events: FlowEvents) {
    this.#agenda = agenda;
    this.#line = line;
    this.#congestion = congestion;
    this.#events = events;
    this.#reception = new Reception(events.received);
    this.#leastRttMs = handshakeMs;
    this.#smoothRttMs = handshakeMs;
    this.#rttVariance = handshakeMs / 2;
    this.#acknowledgedAt = agenda.now;
  }

  /** Bytes written and not yet sent for the first time: they wait in a kernel. */
  get unsentBytes(): number {
    return this.#written - this.#sent;
  }

  get windowBytes(): number {
    return this.#congestion.windowBytes;
  }

  write(bytes: number): void {
    const idleMs = this.#agenda.now - this.#progressAt;
    if (this.#inFlight === 0 && this.#lost.length === 0 && this.unsentBytes === 0) {
      if (this.#sent > 0 && idleMs > this.#timeoutMs()) this.#congestion.idled(idleMs, this.#timeoutMs());
      this.#progressAt = this.#agenda.now;
    }
    this.#written += bytes;
    this.#pump();
  }

  /** The sender ends; what is on the line goes on using it and arrives. */
  close(): void {
    this.#closed = true;
  }

  #pump(): void {
    while (!this.#closed && !this.#isPaused) {
      const retried = this.#lost[0];
      const bytes = retried?.bytes ?? Math.min(this.#trainBytes(), this.unsentBytes);
      if (bytes === 0) break;
      if (this.#inFlight > 0 && this.#inFlight + bytes > this.#congestion.windowBytes) break;
      if (this.#nextSendAt > this.#agenda.now) {
        this.#pauseUntil(this.#nextSendAt);
        break;
      }
      if (retried !== undefined) {
        this.#lost.shift();
        this.#transmit(retried.start, retried.end, bytes);
      } else {
        this.#sent += bytes;
        this.#transmit(this.#sent - bytes, this.#sent, bytes);
        this.#events.drained();
      }
    }
    this.#watch();
  }

  #pauseUntil(at: number): void {
    this.#isPaused = true;
    this.#agenda.at(at, () => {
      this.#isPaused = false;
      this.#pump();
    });
  }

  #trainBytes(): number {
    const packets = Math.floor(this.#congestion.windowBytes / PACKET_BYTES / 8);
    return Math.max(2, Math.min(MOST_TRAIN_PACKETS, packets)) * PACKET_BYTES;
  }

  #transmit(start: number, end: number, bytes: number): void {
    const { now } = this.#agenda;
    this.#order += 1;
    this.#inFlight += bytes;
    this.#mostInFlight = Math.max(this.#mostInFlight, this.#inFlight);
    this.#nextSendAt = Math.max(this.#nextSendAt, now) + bytes / this.#congestion.pacingRate;
    const train: Train = {
      start,
      end,
      bytes,
      order: this.#order,
      sentAt: now,
      trailMs: this.#line.serializeMs(Math.max(0, bytes - PACKET_BYTES)),
      acknowledgedBefore: this.#acknowledged,
      acknowledgedAt: this.#acknowledgedAt,
      isSupplied: this.unsentBytes > 0,
    };
    this.#line.send(bytes, (fate) => this.#arrived(train, fate));
  }

  /** At the client: what is whole goes up, the rest is missing; the acknowledgement goes back. */
  #arrived(train: Train, { intactBytes, lostBytes }: Fate): void {
    const arrived = train.bytes - lostBytes;
    const holeStart = lostBytes === 0 ? train.end : train.start + intactBytes;
    if (intactBytes > 0) this.#reception.take(train.start, holeStart);
    if (lostBytes > 0) this.#missing.push({ ...train, start: holeStart, bytes: lostBytes });
    if (arrived === 0) return;
    this.#agenda.after(this.#line.delayMs, () => {
      if (this.#line.isDown) this.#missing.push({ ...train, end: holeStart, bytes: arrived });
      else this.#acknowledge(train, arrived);
    });
  }

  #acknowledge(train: Train, bytes: number): void {
    if (this.#closed) return;
    const { now } = this.#agenda;
    const rttMs = Math.max(0.1, now - train.sentAt);
    this.#measure(rttMs - Math.min(train.trailMs, rttMs / 2));
    this.#progressAt = now;
    this.#probes = 0;
    this.#acknowledged += bytes;
    const isNewRound = train.order > this.#roundEnd;
    if (isNewRound) this.#roundEnd = this.#order;
    if (train.order > this.#recoveryEnd) this.#isRecovering = false;
    const elapsed = Math.max(now - train.acknowledgedAt, this.#leastRttMs, 0.1);
    this.#congestion.acknowledged(
      {
        bytes,
        rttMs: rttMs - Math.min(train.trailMs, rttMs / 2),
        leastRttMs: this.#leastRttMs,
        mostInFlight: this.#mostInFlight,
        isLimited: this.#mostInFlight + 2 * this.#trainBytes() > this.#congestion.windowBytes,
        isSupplied: train.isSupplied,
        isRecovering: this.#isRecovering,
        isNewRound,
        deliveryRate: (this.#acknowledged - train.acknowledgedBefore) / elapsed,
      },
      now,
    );
    this.#inFlight -= bytes;
    if (isNewRound) this.#mostInFlight = this.#inFlight;
    this.#acknowledgedAt = now;
    this.#notice(train.order);
    this.#pump();
  }

  #measure(rttMs: number): void {
    this.#leastRttMs = Math.min(this.#leastRttMs, rttMs);
    this.#rttVariance += (Math.abs(rttMs - this.#smoothRttMs) - this.#rttVariance) / 4;
    this.#smoothRttMs += (rttMs - this.#smoothRttMs) / 8;
  }

  /** Something sent as the `order`th was acknowledged: what was sent before it and is missing is lost. */
  #notice(order: number): void {
    if (this.#missing.length === 0) return;
    const found = this.#missing.filter((train) => train.order < order);
    if (found.length === 0) return;
    this.#missing = this.#missing.filter((train) => train.order >= order);
    for (const train of found) this.#inFlight -= train.bytes;
    this.#lost = [...this.#lost, ...found].sort((a, b) => a.start - b.start);
    if (found.some((train) => train.order > this.#recoveryEnd)) {
      this.#recoveryEnd = this.#order;
      this.#isRecovering = true;
      this.#congestion.lost(this.#inFlight, this.#agenda.now);
    }
  }

  #timeoutMs(): number {
    return Math.max(LEAST_TIMEOUT_MS, this.#smoothRttMs + 4 * this.#rttVariance);
  }

  #waitMs(): number {
    if (this.#probes === 0) return Math.max(LEAST_PROBE_MS, 2 * this.#smoothRttMs);
    return Math.min(MOST_TIMEOUT_MS, this.#timeoutMs() * 2 ** (this.#probes - 1));
  }

  #watch(): void {
    if (this.#isWatching || this.#closed || this.#inFlight === 0) return;
    this.#isWatching = true;
    this.#agenda.at(Math.max(this.#agenda.now + 1, this.#progressAt + this.#waitMs()), () => {
      this.#isWatching = false;
      if (this.#closed) return;
      if (this.#agenda.now >= this.#progressAt + this.#waitMs()) this.#timedOut();
      this.#watch();
    });
  }

  #timedOut(): void {
    this.#progressAt = this.#agenda.now;
    const last = this.#missing.at(-1);
    if (last === undefined) return; // nothing is lost, only slow
    this.#probes += 1;
    if (this.#probes === 1) {
      this.#missing.pop();
      this.#inFlight -= last.bytes;
      this.#transmit(last.start, last.end, last.bytes);
      return;
    }
    if (this.#probes === 2) this.#congestion.timedOut(this.#agenda.now); // the next of a series change nothing more
    this.#recoveryEnd = this.#order;
    this.#isRecovering = false;
    this.#notice(Number.POSITIVE_INFINITY);
    this.#pump();
  }
}

/** Bytes a kernel keeps for a flow in front of its window: Linux lets the send buffer grow to twice the window. */
export function sendBufferBytes(flow: Flow): number {
  return Math.max(6 * FIRST_WINDOW_BYTES, flow.windowBytes);
}
