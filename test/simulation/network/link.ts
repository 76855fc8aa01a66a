// The bottleneck of one route, towards the client: a drop-tail queue of fixed size in front of a serializer whose rate
// may change, then loss, delay and jitter. Carries trains of packets for any number of flows; knows nothing of TCP.
import type { Agenda, Entry } from '../agenda.ts';
import type { Random } from '../random.ts';

/** Payload bytes of one packet, and what it occupies on the line: Ethernet with TCP timestamps. */
export const PACKET_BYTES = 1_448;
const LINE_SHARE = 1_500 / PACKET_BYTES;

/** Two-state loss (Gilbert-Elliott): probabilities per packet. */
export type BurstLoss = { readonly enter: number; readonly leave: number; readonly loss: number };

/** How a link is now. */
export type LinkConditions = {
  /** Bytes per ms on the line, headers included. */
  rate: number;
  /** One way, ms. */
  delayMs: number;
  jitterMs: number;
  /** Probability per packet. */
  loss: number;
  burst: BurstLoss | undefined;
  /** A black hole: swallows what is sent, queued and in flight, both ways. */
  down: boolean;
};

/** What became of a train: `lostBytes` of it, the first at `intactBytes`. */
export type Fate = { readonly intactBytes: number; readonly lostBytes: number };

type Train = {
  readonly bytes: number;
  readonly fate: (fate: Fate) => void;
  lineBytes: number;
  readonly overflow: number;
};

/** One link. */
export class Link {
  readonly #agenda: Agenda;
  readonly #random: Random;
  readonly #bufferBytes: number;
  readonly #conditions: LinkConditions;
  #queue: Train[] = [];
  #queuedBytes = 0;
  /** Since when the first of the queue is being serialized at the present rate. */
  #startedAt = 0;
  #departure: Entry | undefined;
  #lastArrival = 0;
  #isBad = false;
  #dropped = 0;

  /** `bufferBytes`: how much the queue holds, on the line; it does not change with the rate. */
  constructor(agenda: Agenda, random: Random, conditions: Readonly<LinkConditions>, bufferBytes: number) {
    this.#agenda = agenda;
    this.#random = random;
    this.#conditions = { ...conditions };
    this.#bufferBytes = bufferBytes;
  }

  get conditions(): Readonly<LinkConditions> {
    return this.#conditions;
  }

  /** Packets that found the queue full. */
  get droppedPackets(): number {
    return this.#dropped;
  }

  /** ms that a packet sent now waits before it is on its way. */
  get queueMs(): number {
    return this.#queuedBytes / this.#conditions.rate;
  }

  change(change: Partial<LinkConditions>): void {
    this.#serialize();
    Object.assign(this.#conditions, change);
    if (this.#conditions.down) this.#swallow();
    this.#plan();
  }

  /** ms that `bytes` of payload occupy the line at the present rate. */
  serializeMs(bytes: number): number {
    return (bytes * LINE_SHARE) / this.#conditions.rate;
  }

  /** Sends `bytes` of payload; `fate` is called when the last of them arrives, or would have. */
  send(bytes: number, fate: (fate: Fate) => void): void {
    if (this.#conditions.down) return this.#lose({ bytes, fate, lineBytes: 0, overflow: 0 });
    const room = Math.floor((this.#bufferBytes - this.#queuedBytes) / (PACKET_BYTES * LINE_SHARE)) * PACKET_BYTES;
    const taken = this.#queue.length === 0 ? bytes : Math.max(0, Math.min(bytes, room));
    this.#dropped += Math.ceil((bytes - taken) / PACKET_BYTES);
    const train = { bytes, fate, lineBytes: taken * LINE_SHARE, overflow: bytes - taken };
    if (taken === 0) return this.#lose(train);
    this.#queue.push(train);
    this.#queuedBytes += train.lineBytes;
    if (this.#queue.length === 1) {
      this.#startedAt = this.#agenda.now;
      this.#plan();
    }
  }

  #plan(): void {
    this.#departure?.cancel();
    const first = this.#queue[0];
    if (first === undefined) return;
    this.#departure = this.#agenda.after(first.lineBytes / this.#conditions.rate, () => this.#depart());
  }

  /** Takes from the first of the queue what has left at the rate until now. */
  #serialize(): void {
    const { now } = this.#agenda;
    const first = this.#queue[0];
    if (first !== undefined) {
      const left = Math.min(first.lineBytes, (now - this.#startedAt) * this.#conditions.rate);
      first.lineBytes -= left;
      this.#queuedBytes -= left;
    }
    this.#startedAt = now;
  }

  #depart(): void {
    const train = this.#queue.shift() as Train;
    this.#queuedBytes = this.#queue.length === 0 ? 0 : this.#queuedBytes - train.lineBytes;
    this.#startedAt = this.#agenda.now;
    this.#plan();
    const { delayMs, jitterMs } = this.#conditions;
    const late = jitterMs > 0 ? this.#random.between(-jitterMs, jitterMs) : 0;
    const fate = this.#fateOf(train);
    this.#lastArrival = Math.max(this.#lastArrival, this.#agenda.now + Math.max(0, delayMs + late));
    this.#agenda.at(this.#lastArrival, () => {
      train.fate(this.#conditions.down ? { intactBytes: 0, lostBytes: train.bytes } : fate);
    });
  }

  /** Which packets of a train the line loses; those that found no room are its last ones. */
  #fateOf(train: Train): Fate {
    const { loss, burst } = this.#conditions;
    const taken = train.bytes - train.overflow;
    if (loss === 0 && burst === undefined) return { intactBytes: taken, lostBytes: train.overflow };
    let intactBytes = taken;
    let lostBytes = train.overflow;
    for (let at = 0; at < taken; at += PACKET_BYTES) {
      if (!this.#isLost(loss, burst)) continue;
      intactBytes = Math.min(intactBytes, at);
      lostBytes += Math.min(PACKET_BYTES, taken - at);
    }
    return { intactBytes, lostBytes };
  }

  #isLost(loss: number, burst: BurstLoss | undefined): boolean {
    if (burst !== undefined) {
      this.#isBad = this.#isBad ? !this.#random.chance(burst.leave) : this.#random.chance(burst.enter);
      if (this.#isBad && this.#random.chance(burst.loss)) return true;
    }
    return this.#random.chance(loss);
  }

  #swallow(): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const train of queue) this.#lose(train);
  }

  /** The sender learns of a loss by what comes later: never before the train would have arrived. */
  #lose(train: Train): void {
    this.#agenda.after(this.#conditions.delayMs, () => train.fate({ intactBytes: 0, lostBytes: train.bytes }));
  }
}
