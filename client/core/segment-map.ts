// Who brought each segment, which were asked for twice, of which a false copy came: for people who look, no decision goes
// by it. Kept only where somebody asks for it; two bytes for each segment up to the highest that came.

/** Routes that can be told apart; the others count as the last. */
const MOST_ROUTES = 4_093;
const OWNER = 0x0fff;
const EARLIER = 1;
const FIRST_ROUTE = 2;
const HEDGED = 0x1000;
const SPOILT = 0x2000;

/** Segments of a stretch, counted. */
export type SegmentCounts = {
  /** By route number. */
  readonly by: readonly number[];
  /** Left by an earlier transfer. */
  readonly earlier: number;
  readonly hedged: number;
  readonly spoilt: number;
};

/** The history of the segments of one transfer. */
export class SegmentMap {
  #cells = new Uint16Array(1_024);
  readonly #from: number;
  #routes: number;

  /** `from`: the first segment that is wanted. */
  constructor(from: number, routes: number) {
    this.#from = from;
    this.#routes = routes;
  }

  /** There is another route. */
  join(): void {
    this.#routes += 1;
  }

  /** An earlier transfer had left it. */
  keep(index: number): void {
    this.#own(index, EARLIER);
  }

  /** The route brought it. */
  bring(index: number, route: number): void {
    this.#own(index, FIRST_ROUTE + Math.min(route, MOST_ROUTES));
  }

  /** What came was wrong: it is missing again. */
  spoil(index: number): void {
    this.#own(index, 0);
    this.#mark(index, SPOILT);
  }

  /** It was asked for a second time. */
  hedge(index: number): void {
    this.#mark(index, HEDGED);
  }

  /** The route that brought it, 'earlier', or undefined while it is missing. */
  ownerOf(index: number): number | 'earlier' | undefined {
    const owner = (this.#cells[index - this.#from] ?? 0) & OWNER;
    if (owner === EARLIER) return 'earlier';
    return owner === 0 ? undefined : owner - FIRST_ROUTE;
  }

  /** What is known of the segments [first, end). */
  count(first: number, end: number): SegmentCounts {
    const by = Array.from({ length: this.#routes }, () => 0);
    let [earlier, hedged, spoilt] = [0, 0, 0];
    const stop = Math.min(end - this.#from, this.#cells.length);
    for (let at = Math.max(0, first - this.#from); at < stop; at += 1) {
      const cell = this.#cells[at] ?? 0;
      if (cell === 0) continue;
      const owner = cell & OWNER;
      if (owner === EARLIER) earlier += 1;
      else if (owner !== 0) by[owner - FIRST_ROUTE] = (by[owner - FIRST_ROUTE] ?? 0) + 1;
      if ((cell & HEDGED) !== 0) hedged += 1;
      if ((cell & SPOILT) !== 0) spoilt += 1;
    }
    return { by, earlier, hedged, spoilt };
  }

  #own(index: number, owner: number): void {
    const at = this.#place(index);
    this.#cells[at] = ((this.#cells[at] ?? 0) & ~OWNER) | owner;
  }

  #mark(index: number, flag: number): void {
    const at = this.#place(index);
    this.#cells[at] = (this.#cells[at] ?? 0) | flag;
  }

  #place(index: number): number {
    const at = index - this.#from;
    if (at >= this.#cells.length) {
      const grown = new Uint16Array(Math.max(at + 1, 2 * this.#cells.length));
      grown.set(this.#cells);
      this.#cells = grown;
    }
    return at;
  }
}
