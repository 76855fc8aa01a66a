// The body of a server that sends the whole object whatever is asked for: read once from byte 0 on, each segment kept for
// its place in the order. What is not owed yet holds the connection up; what is not owed at all is thrown away.
import type { BufferPool } from './buffer-pool.ts';
import type { AnswerPlace } from './range-order.ts';
import { SegmentFill } from './segment-fill.ts';
import type { Filled } from './segment-fill.ts';

/** What the body is read for. */
export type WholeOrder = {
  readonly size: number;
  readonly segmentBytes: number;
  readonly pool: BufferPool;
  /** Decides the next owed segment, if one is owed now. */
  readonly next: () => AnswerPlace | undefined;
};

type Ready = { readonly index: number; readonly filled: Filled };

/** One whole body. */
export class WholeBody {
  readonly #order: WholeOrder;
  readonly #places = new Map<number, AnswerPlace>();
  /** Segments that came and may yet be owed. */
  readonly #ready: Ready[] = [];
  /** Highest segment decided by pattern: what lies below it and is not owed now never will be. */
  #decided = -1;
  #at = 0;
  #isBehind = false;
  readonly #fill: SegmentFill;

  constructor(order: WholeOrder) {
    this.#order = order;
    this.#fill = new SegmentFill(order.pool, order.segmentBytes);
  }

  /** Bytes of the body that have not come. */
  get missingBytes(): number {
    return this.#order.size - this.#at;
  }

  /** True when a segment is owed that is past already: it cannot be had from this body any more. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** A segment that was decided. */
  add(place: AnswerPlace): void {
    const { segmentBytes, size } = this.#order;
    if (place.by === 'pattern') this.#decided = Math.max(this.#decided, place.index);
    const present = this.#ready[0]?.index ?? Math.floor(this.#at / segmentBytes);
    if (place.index * segmentBytes >= size) place.drop('not-held');
    else if (place.index < present) this.#isBehind = true;
    else this.#places.set(place.index, place);
  }

  /** Room for bytes of the present segment. */
  space(): Uint8Array {
    const { segmentBytes, size } = this.#order;
    const start = this.#at - (this.#at % segmentBytes);
    if (this.#at >= size) return new Uint8Array(0);
    return this.#fill.space(this.#at - start, Math.min(segmentBytes, size - start));
  }

  /** `bytes` were put into the space. False: read no further until `goOn` says so. */
  filled(bytes: number): boolean {
    const { segmentBytes, size } = this.#order;
    const index = Math.floor(this.#at / segmentBytes);
    this.#at += bytes;
    if (bytes === 0 || (this.#at % segmentBytes !== 0 && this.#at < size)) return true;
    this.#ready.push({ index, filled: this.#fill.whole(this.#at - index * segmentBytes) });
    return this.goOn();
  }

  /** More may be owed now: true when the body may be read on. */
  goOn(): boolean {
    for (let ready = this.#ready[0]; ready !== undefined; ready = this.#ready[0]) {
      while (!this.#places.has(ready.index) && this.#decided < ready.index) {
        const place = this.#order.next();
        if (place === undefined) return false;
        this.add(place);
      }
      this.#ready.shift();
      const place = this.#places.get(ready.index);
      this.#places.delete(ready.index);
      if (place === undefined) ready.filled.slab.release();
      else place.bring(ready.filled);
    }
    return true;
  }
}
