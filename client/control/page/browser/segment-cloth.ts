// Which route brought which part of an object, as the control interface tells it: counts in at most a thousand cells, so
// that memory does not depend on how large the object is. A cell that is told again takes the place of the former.
import type { SegmentCell, SegmentMap } from '../../messages.ts';

/** Cells and routes that are kept, whatever is told. */
const MOST_CELLS = 4_096;
const MOST_ROUTES = 256;

export class SegmentCloth {
  #map: Omit<SegmentMap, 'cells'> = { first: 0, count: 0, perCell: 1 };
  #byRoute: Uint32Array[] = [];
  #earlier = new Uint32Array(0);
  #hedged = new Uint32Array(0);
  #corrupt = new Uint32Array(0);

  /** Begins anew with what `map` tells; null: nothing is known yet. */
  reset(map: SegmentMap | null): void {
    this.#map = map ?? { first: 0, count: 0, perCell: 1 };
    this.#byRoute = [];
    this.#earlier = new Uint32Array(this.cells);
    this.#hedged = new Uint32Array(this.cells);
    this.#corrupt = new Uint32Array(this.cells);
    this.put(map?.cells ?? []);
  }

  /** Cells that changed. */
  put(changed: readonly SegmentCell[]): void {
    for (const { at, length, by, earlier = 0, hedged = 0, corrupt = 0 } of changed) {
      const end = Math.min(this.cells, at + length);
      while (this.#byRoute.length < Math.min(by.length, MOST_ROUTES)) this.#byRoute.push(new Uint32Array(this.cells));
      for (const [route, counts] of this.#byRoute.entries()) counts.fill(by[route] ?? 0, at, end);
      this.#earlier.fill(earlier, at, end);
      this.#hedged.fill(hedged, at, end);
      this.#corrupt.fill(corrupt, at, end);
    }
  }

  /** First segment of the object that is wanted. */
  get first(): number {
    return this.#map.first;
  }

  /** Segments that are wanted. */
  get count(): number {
    return this.#map.count;
  }

  get perCell(): number {
    return this.#map.perCell;
  }

  get cells(): number {
    return Math.min(MOST_CELLS, Math.ceil(this.#map.count / this.#map.perCell));
  }

  /** Routes that brought anything. */
  get routes(): number {
    return this.#byRoute.length;
  }

  /** Segments of a cell. */
  sizeOf(cell: number): number {
    return Math.max(0, Math.min(this.#map.perCell, this.#map.count - cell * this.#map.perCell));
  }

  broughtBy(route: number, cell: number): number {
    return this.#byRoute[route]?.[cell] ?? 0;
  }

  earlierIn(cell: number): number {
    return this.#earlier[cell] ?? 0;
  }

  hedgedIn(cell: number): number {
    return this.#hedged[cell] ?? 0;
  }

  corruptIn(cell: number): number {
    return this.#corrupt[cell] ?? 0;
  }

  /** The cell of a segment of the object, as a fraction from 0 to the number of cells. */
  cellAt(segment: number): number {
    return Math.max(0, Math.min(this.cells, (segment - this.#map.first) / this.#map.perCell));
  }
}
