// What is known of each segment of the transfer: missing, arrived, proven, taken by the sink. Owns the in-order point.
// Indexes are those of the object; [from, to) is what this transfer wants. `to` becomes known with the object's size.
// Memory grows with the segments that came, never with a size that somebody claims.
import { indexesOf } from '../../protocol/ranges.ts';
import type { Range } from '../../protocol/ranges.ts';

const MISSING = 0;
const ARRIVED = 1;
const PROVEN = 2;
const TAKEN = 3;

/** Status of all segments of one transfer. */
export class SegmentTable {
  #status = new Uint8Array(1_024);
  readonly #from: number;
  #to: number;
  #lowestMissing: number;
  #nextToDeliver: number;
  #takenPoint: number;
  #highestSeen: number;
  #missingLeft = Number.POSITIVE_INFINITY;
  #takenCount = 0;

  /**
   * `have`: segments that an earlier transfer left with the sink. `end`: nothing from there on is wanted, however large
   * the object is, and nothing must be asked for: a pattern never goes back.
   */
  constructor(from: number, have: readonly Range[] = [], end: number = Number.POSITIVE_INFINITY) {
    this.#from = from;
    this.#to = end;
    this.#lowestMissing = from;
    this.#nextToDeliver = from;
    this.#takenPoint = from;
    this.#highestSeen = from - 1;
    for (const index of indexesOf(have)) {
      if (index < from || this.#statusOf(index) === TAKEN) continue;
      this.#highestSeen = Math.max(this.#highestSeen, index);
      this.take(index);
    }
    this.#advance();
  }

  get from(): number {
    return this.#from;
  }

  /** Exclusive end; until the size is known, the end of the range that is wanted (or infinite). */
  get to(): number {
    return this.#to;
  }

  /** First segment that has not arrived. */
  get lowestMissing(): number {
    return this.#lowestMissing;
  }

  /** Highest segment that ever arrived. */
  get highestSeen(): number {
    return this.#highestSeen;
  }

  /** First segment the sink has not taken: what comes before it needs no memory. */
  get takenPoint(): number {
    return this.#takenPoint;
  }

  /** Segments that have not arrived; infinite until the size is known. */
  get missingLeft(): number {
    return this.#missingLeft;
  }

  /** Segments that are here and that the sink has not taken; the size is known. */
  get untaken(): number {
    return this.#to - this.#from - this.#missingLeft - this.#takenCount;
  }

  get complete(): boolean {
    return this.#takenCount === this.#to - this.#from;
  }

  /** The size became known: the transfer ends before `to`. */
  bound(to: number): void {
    if (this.#status.length > to - this.#from) this.#status = this.#status.slice(0, Math.max(0, to - this.#from));
    this.#to = to;
    let here = 0;
    let taken = 0;
    for (const status of this.#status) {
      if (status !== MISSING) here += 1;
      if (status === TAKEN) taken += 1;
    }
    this.#missingLeft = to - this.#from - here;
    this.#takenCount = taken;
  }

  isMissing(index: number): boolean {
    return index >= this.#from && index < this.#to && this.#statusOf(index) === MISSING;
  }

  /** How many of the segments [first, end) have not arrived; the size is known. */
  missingIn(first: number, end: number): number {
    const begin = Math.max(first, this.#from);
    const stop = Math.min(end, this.#to);
    const known = Math.max(begin, Math.min(stop, this.#from + this.#status.length));
    let missing = Math.max(0, stop - known);
    for (let index = begin; index < known; index += 1) if (this.#statusOf(index) === MISSING) missing += 1;
    return missing;
  }

  /** True while the segment is here and its verdict is not. */
  isUnproven(index: number): boolean {
    return this.#status[index - this.#from] === ARRIVED;
  }

  /** True while the segment is proven and the sink has not taken it. */
  isProven(index: number): boolean {
    return this.#status[index - this.#from] === PROVEN;
  }

  arrive(index: number): void {
    this.#set(index, ARRIVED);
    this.#missingLeft -= 1;
    if (index > this.#highestSeen) this.#highestSeen = index;
    this.#advance();
  }

  /** The segment was bad: it is missing again. */
  lose(index: number): void {
    this.#set(index, MISSING);
    this.#missingLeft += 1;
    if (index < this.#lowestMissing) this.#lowestMissing = index;
  }

  prove(index: number): void {
    this.#set(index, PROVEN);
  }

  /** The next segment that can be handed out in order, or undefined; each is returned once. */
  takeNextInOrder(): number | undefined {
    if (!this.hasNextInOrder) return undefined;
    this.#nextToDeliver += 1;
    return this.#nextToDeliver - 1;
  }

  /** A segment can be handed out in order. */
  get hasNextInOrder(): boolean {
    while (this.#statusOf(this.#nextToDeliver) === TAKEN) this.#nextToDeliver += 1;
    return this.#nextToDeliver < this.#to && this.#statusOf(this.#nextToDeliver) === PROVEN;
  }

  /** Segments that came and are next in order, most of them proven. */
  get readyInOrder(): number {
    return Math.max(0, this.#lowestMissing - this.#nextToDeliver);
  }

  /**
   * What was not handed out before `index` is wanted no more; the segments among it that are here. Only what is handed out
   * in order can be skipped.
   */
  skip(index: number): number[] {
    const here: number[] = [];
    const end = Math.min(index, this.#to);
    for (let at = this.#nextToDeliver; at < end; at += 1) {
      const status = this.#statusOf(at);
      if (status === TAKEN) continue;
      if (status === MISSING) this.#missingLeft -= 1;
      else here.push(at);
      this.take(at);
    }
    this.#nextToDeliver = Math.max(this.#nextToDeliver, end);
    this.#advance();
    return here;
  }

  take(index: number): void {
    this.#set(index, TAKEN);
    this.#takenCount += 1;
    while (this.#takenPoint < this.#to && this.#status[this.#takenPoint - this.#from] === TAKEN) this.#takenPoint += 1;
  }

  #statusOf(index: number): number {
    return this.#status[index - this.#from] ?? MISSING;
  }

  #set(index: number, status: number): void {
    const at = index - this.#from;
    if (at >= this.#status.length) {
      const grown = new Uint8Array(Math.max(at + 1, 2 * this.#status.length));
      grown.set(this.#status);
      this.#status = grown;
    }
    this.#status[at] = status;
  }

  #advance(): void {
    while (this.#lowestMissing < this.#to && this.#statusOf(this.#lowestMissing) !== MISSING) this.#lowestMissing += 1;
  }
}
