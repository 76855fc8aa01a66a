// One direction of a shaped link: a bottleneck that sends at a fixed rate, first come first served, a bounded queue before
// it and a delay line behind it. Times are parameters and sending happens on a virtual clock: bytes leave and arrive at the
// times that rate and delay give, however late the caller looks. Knows no sockets and no timers. Models no loss.

/** What one lane is like. */
export type LaneOptions = {
  readonly bytesPerMs: number;
  /** One way, ms. */
  readonly delayMs: number;
  /** Bytes that may wait for the bottleneck; default: 100 ms of the present rate, at least 64 KiB. */
  readonly queueBytes?: number | undefined;
};

/** What follows the last bytes of an owner. */
export type Mark = 'end' | 'reset';

/** What has come out at the far end: bytes (a view of what was pushed), or a mark with no bytes. */
export type Arrival<Owner> = {
  readonly owner: Owner;
  readonly bytes: Uint8Array;
  readonly mark: Mark | undefined;
};

type Piece<Owner> = {
  readonly owner: Owner;
  readonly chunk: Uint8Array;
  readonly mark: Mark | undefined;
  start: number;
  end: number;
  /** In the queue: when it came. Under way: when it is due at the far end. Lane time, ms. */
  at: number;
};

const LEAST_QUEUE_BYTES = 65_536;
const QUEUE_MS = 100;
/** What leaves at once: a packet, or what the rate sends in this time, whichever is more. */
const PACKET_BYTES = 1_448;
const SLICE_MS = 1;
/** Sums of times round: what is due within this is due. */
const ROUNDING_MS = 0.001;

/** A lane. `now` is monotonic ms and never goes back. Invariant: what comes out is what went in, in the same order. */
export class Lane<Owner> {
  readonly #delayMs: number;
  readonly #fixedQueueBytes: number | undefined;
  readonly #queue: Piece<Owner>[] = [];
  readonly #underWay: Piece<Owner>[] = [];
  #bytesPerMs: number;
  #queuedBytes = 0;
  /** Lane time at which the bottleneck has sent all that left it so far. */
  #freeAt = Number.NEGATIVE_INFINITY;
  #pausedAt: number | undefined;
  #pausedMs = 0;

  constructor(options: LaneOptions) {
    this.#bytesPerMs = options.bytesPerMs;
    this.#delayMs = options.delayMs;
    this.#fixedQueueBytes = options.queueBytes;
  }

  /** Bytes that wait for the bottleneck, as of the last call that was given the time. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** True when the sender has to wait. What it pushes all the same is queued: no byte is ever dropped. */
  isFull(now: number): boolean {
    this.#send(this.#laneTime(now));
    return this.#queuedBytes >= (this.#fixedQueueBytes ?? Math.max(LEAST_QUEUE_BYTES, QUEUE_MS * this.#bytesPerMs));
  }

  /** `chunk` reaches the bottleneck. It is not copied: whoever pushed it must not change it. */
  push(owner: Owner, chunk: Uint8Array, now: number): void {
    this.#queuedBytes += chunk.length;
    this.#queue.push({ owner, chunk, mark: undefined, start: 0, end: chunk.length, at: this.#laneTime(now) });
  }

  /** The sender's end follows what it has pushed. */
  pushMark(owner: Owner, mark: Mark, now: number): void {
    this.#queue.push({ owner, chunk: NO_BYTES, mark, start: 0, end: 0, at: this.#laneTime(now) });
  }

  /** The next that has arrived by `now`, as much of it in one piece as came in one piece. */
  take(now: number): Arrival<Owner> | undefined {
    const time = this.#laneTime(now) + ROUNDING_MS;
    this.#send(time);
    const first = this.#underWay[0];
    if (first === undefined || first.at > time) return undefined;
    this.#underWay.shift();
    const { owner, chunk, start, mark } = first;
    let { end } = first;
    for (let next = this.#underWay[0]; next !== undefined; next = this.#underWay[0]) {
      if (next.at > time || next.chunk !== chunk || next.start !== end || mark !== undefined) break;
      ({ end } = next);
      this.#underWay.shift();
    }
    return { owner, bytes: chunk.subarray(start, end), mark };
  }

  /** When something leaves the queue or arrives next; infinite when nothing will. */
  nextAt(): number {
    if (this.#pausedAt !== undefined) return Number.POSITIVE_INFINITY;
    const head = this.#queue[0];
    const leaves = head === undefined ? Number.POSITIVE_INFINITY : this.#sliceOf(head).doneAt;
    return Math.min(leaves, this.#underWay[0]?.at ?? Number.POSITIVE_INFINITY) + this.#pausedMs;
  }

  /** From now on the bottleneck sends at another rate; what it has sent by now stays sent. */
  setRate(bytesPerMs: number, now: number): void {
    const time = this.#laneTime(now);
    this.#send(time);
    const head = this.#queue[0];
    if (head !== undefined) {
      const sent = Math.floor((time - Math.max(this.#freeAt, head.at)) * this.#bytesPerMs);
      if (sent > 0) this.#depart(head, sent, time);
    }
    this.#bytesPerMs = bytesPerMs;
  }

  /** Time stands still: nothing leaves, nothing arrives. */
  pause(now: number): void {
    this.#pausedAt ??= now;
  }

  /** Time goes on where it stood. */
  resume(now: number): void {
    if (this.#pausedAt !== undefined) this.#pausedMs += now - this.#pausedAt;
    this.#pausedAt = undefined;
  }

  /** Forgets all that is in it. */
  clear(): void {
    this.#queue.length = 0;
    this.#underWay.length = 0;
    this.#queuedBytes = 0;
  }

  #laneTime(now: number): number {
    return (this.#pausedAt ?? now) - this.#pausedMs;
  }

  #send(time: number): void {
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      const { bytes, doneAt } = this.#sliceOf(head);
      if (doneAt > time) return;
      this.#depart(head, bytes, doneAt);
    }
  }

  #sliceOf(head: Piece<Owner>): { bytes: number; doneAt: number } {
    const bytes = Math.min(head.end - head.start, Math.max(PACKET_BYTES, Math.floor(SLICE_MS * this.#bytesPerMs)));
    return { bytes, doneAt: Math.max(this.#freeAt, head.at) + bytes / this.#bytesPerMs };
  }

  #depart(head: Piece<Owner>, bytes: number, doneAt: number): void {
    this.#freeAt = doneAt;
    this.#underWay.push({ ...head, end: head.start + bytes, at: doneAt + this.#delayMs });
    this.#queuedBytes -= bytes;
    head.start += bytes;
    if (head.start === head.end) this.#queue.shift();
  }
}

const NO_BYTES = new Uint8Array(0);
