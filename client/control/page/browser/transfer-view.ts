// What the page knows of the transfer it shows: the snapshot, kept up by events. Bounded whatever comes: a thousand cells,
// the latest values per route, the newest patterns. What changed since the last drawing is said in `changed`.
import type {
  DetailEvent,
  Limits,
  PatternPicture,
  RouteFigures,
  RouteState,
  TransferSnapshot,
  TransferSummary,
} from '../../messages.ts';
import { patternRow, withRow } from './pattern-rows.ts';
import type { PatternRow } from './pattern-rows.ts';
import { SegmentCloth } from './segment-cloth.ts';
import { LatestValues } from './sparkline.ts';

/** The parts that are drawn apart. */
export const PARTS = ['summary', 'routes', 'pattern', 'cloth'] as const;
export type Part = (typeof PARTS)[number];

export class TransferView {
  readonly changed: Set<Part> = new Set();
  readonly cloth: SegmentCloth = new SegmentCloth();
  #snapshot: TransferSnapshot;
  #routes: RouteState[] = [];
  #pattern: PatternPicture | null = null;
  #rows: PatternRow[] = [];
  /** By the name of a route. */
  #places: Map<string, number> = new Map();
  readonly #latencies = new Map<string, LatestValues>();

  constructor(snapshot: TransferSnapshot) {
    this.#snapshot = snapshot;
    this.#begin(snapshot);
  }

  get summary(): TransferSummary {
    return this.#snapshot;
  }

  get snapshot(): Omit<TransferSnapshot, 'routes' | 'pattern' | 'segments'> {
    return this.#snapshot;
  }

  get routes(): readonly RouteState[] {
    return this.#routes;
  }

  /** Where each route stands among `routes`: its letter and paint. */
  get places(): ReadonlyMap<string, number> {
    return this.#places;
  }

  get pattern(): PatternPicture | null {
    return this.#pattern;
  }

  /** The newest patterns, newest first. */
  get rows(): readonly PatternRow[] {
    return this.#rows;
  }

  get hasEnded(): boolean {
    const { state } = this.#snapshot;
    return state === 'done' || state === 'failed' || state === 'cancelled';
  }

  latenciesOf(route: string): LatestValues {
    const known = this.#latencies.get(route);
    if (known !== undefined) return known;
    const values = new LatestValues();
    this.#latencies.set(route, values);
    return values;
  }

  /** Takes an event of this transfer in. */
  take(event: DetailEvent): void {
    if (event.type === 'snapshot') this.#begin(event.snapshot);
    else if (event.type === 'progress') {
      this.#update({ elapsedMs: event.elapsedMs, progress: event.progress });
    } else if (event.type === 'state') this.#update({ state: event.state });
    else if (event.type === 'ended') this.#update(event.summary);
    else if (event.type === 'limits') this.#update({ limits: event.limits });
    else if (event.type === 'routes') this.#figures(event.routes);
    else if (event.type === 'route') this.#figures([event.route]);
    else if (event.type === 'pattern') this.#newPattern(event.pattern);
    else if (event.type === 'cells') {
      this.cloth.put(event.cells);
      this.changed.add('cloth');
    }
  }

  #begin(snapshot: TransferSnapshot): void {
    this.#snapshot = snapshot;
    this.#routes = [...snapshot.routes];
    this.#places = new Map(snapshot.routes.map(({ name }, place) => [name, place]));
    this.cloth.reset(snapshot.segments);
    for (const part of PARTS) this.changed.add(part);
    if (snapshot.pattern === null) {
      this.#pattern = null;
      this.#rows = [];
    } else this.#newPattern(snapshot.pattern);
    this.#sample(snapshot.routes);
  }

  #update(news: Partial<TransferSummary & { readonly limits: Limits }>): void {
    this.#snapshot = { ...this.#snapshot, ...news };
    this.changed.add('summary');
  }

  #figures(news: readonly (RouteFigures | RouteState)[]): void {
    for (const figures of news) {
      const place = this.#places.get(figures.name);
      const known = place === undefined ? undefined : this.#routes[place];
      if (known !== undefined && place !== undefined) this.#routes[place] = { ...known, ...figures };
    }
    if (news.length > 1 || news.length === this.#routes.length) this.#sample(news);
    this.changed.add('routes');
  }

  #sample(figures: readonly RouteFigures[]): void {
    for (const { name, latencyMs, connections } of figures) {
      this.latenciesOf(name).push(connections > 0 ? (latencyMs ?? undefined) : undefined);
    }
  }

  #newPattern(pattern: PatternPicture): void {
    this.#pattern = pattern;
    this.#rows = withRow(this.#rows, patternRow(pattern, this.#places));
    this.changed.add('pattern');
  }
}
