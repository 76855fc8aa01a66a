// CUBIC (RFC 9438) as Linux runs it: slow start left early by HyStart (delay or acknowledgement train), then the cubic
// curve, never below what Reno would reach; × 0.7 on loss. Windows in packets inside.
import type { Acknowledged, Congestion } from './congestion.ts';
import { FIRST_WINDOW_BYTES } from './congestion.ts';
import { PACKET_BYTES } from './link.ts';

const CUBIC_SCALE = 0.4;
const AFTER_LOSS = 0.7;
const RENO_GAIN = (3 * (1 - AFTER_LOSS)) / (1 + AFTER_LOSS);
/** HyStart looks at the first acknowledgements of a round, from this window on (packets). */
const HYSTART_SAMPLES = 8;
const HYSTART_LEAST = 16;
/** Two packets acknowledged within so many ms belong to one train. */
const HYSTART_TRAIN_MS = 2;

/** One flow's CUBIC. */
export class Cubic implements Congestion {
  readonly pacingRate: number = Number.POSITIVE_INFINITY;
  #window = FIRST_WINDOW_BYTES / PACKET_BYTES;
  #threshold = Number.POSITIVE_INFINITY;
  #windowAtLoss = 0;
  #epochAt: number | undefined;
  #kSeconds = 0;
  #renoWindow = 0;
  #roundAt = 0;
  #roundSamples = 0;
  #roundLeastMs = Number.POSITIVE_INFINITY;
  #ackedAt = 0;

  get windowBytes(): number {
    return Math.floor(this.#window) * PACKET_BYTES;
  }

  acknowledged(ack: Acknowledged, now: number): void {
    if (ack.isRecovering) return;
    const packets = ack.bytes / PACKET_BYTES;
    if (this.#window < this.#threshold) {
      this.#watchDelay(ack, packets, now);
      if (ack.isLimited || this.windowBytes < 2 * ack.mostInFlight) this.#window += packets;
    } else if (ack.isLimited) this.#grow(packets, ack.leastRttMs, now);
  }

  lost(_inFlight: number, _now: number): void {
    const isSmaller = this.#window < this.#windowAtLoss;
    this.#windowAtLoss = isSmaller ? (this.#window * (1 + AFTER_LOSS)) / 2 : this.#window;
    this.#window = Math.max(2, this.#window * AFTER_LOSS);
    this.#threshold = this.#window;
    this.#epochAt = undefined;
  }

  timedOut(now: number): void {
    this.lost(0, now);
    this.#window = 2;
  }

  idled(ms: number, timeoutMs: number): void {
    const least = Math.min(this.#window, FIRST_WINDOW_BYTES / PACKET_BYTES);
    this.#threshold = Math.max(this.#threshold, 0.75 * this.#window);
    this.#window = Math.max(least, this.#window / 2 ** Math.floor(ms / timeoutMs));
    this.#epochAt = undefined;
  }

  #grow(packets: number, rttMs: number, now: number): void {
    if (this.#epochAt === undefined) {
      this.#epochAt = now;
      this.#renoWindow = this.#window;
      this.#kSeconds = Math.cbrt(Math.max(0, this.#windowAtLoss - this.#window) / CUBIC_SCALE);
      this.#windowAtLoss = Math.max(this.#windowAtLoss, this.#window);
    }
    const seconds = (now - this.#epochAt + rttMs) / 1_000 - this.#kSeconds;
    const target = CUBIC_SCALE * seconds ** 3 + this.#windowAtLoss;
    const gain = Math.max(0.01, Math.min(0.5, (target - this.#window) / this.#window));
    this.#renoWindow += (RENO_GAIN * packets) / this.#renoWindow;
    this.#window = Math.max(this.#window + gain * packets, this.#renoWindow);
  }

  /** HyStart: the queue begins to grow, or a whole train of acknowledgements is as long as half a round trip. */
  #watchDelay(ack: Acknowledged, packets: number, now: number): void {
    if (ack.isNewRound) {
      this.#roundAt = now;
      this.#ackedAt = now;
      this.#roundSamples = 0;
      this.#roundLeastMs = Number.POSITIVE_INFINITY;
    }
    if (this.#roundSamples < HYSTART_SAMPLES) this.#roundLeastMs = Math.min(this.#roundLeastMs, ack.rttMs);
    this.#roundSamples += packets;
    const isTrain = now - this.#ackedAt <= (HYSTART_TRAIN_MS * packets) / 2;
    if (isTrain) this.#ackedAt = now;
    if (this.#window < HYSTART_LEAST) return;
    const allowedMs = Math.max(4, Math.min(16, ack.leastRttMs / 8));
    const isDelayed = this.#roundSamples >= HYSTART_SAMPLES && this.#roundLeastMs > ack.leastRttMs + allowedMs;
    const isLong = isTrain && now - this.#roundAt > ack.leastRttMs / 2;
    if (isDelayed || isLong) this.#threshold = this.#window;
  }
}
