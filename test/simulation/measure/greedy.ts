// What the TCP model carries at best: greedy flows without limits on one route, under the same line and the same model,
// redialled at once after every fault. The yardstick of one route alone, and, summed, of all of them.
import { Agenda } from '../agenda.ts';
import { Flow } from '../network/flow.ts';
import type { Random } from '../random.ts';
import type { Bottleneck, RouteChange, RouteScenario, ScenarioEvent } from '../scenario/scenario.ts';
import { bottleneckLinks } from '../world/bottlenecks.ts';
import { Path } from '../world/path.ts';

const REFILL_BYTES = 1_048_576;
/** ms between two notes of how much was carried. */
const NOTE_MS = 10;
const MOST_STEPS = 100_000_000;

/** Greedy flows on one route; time goes on as far as it is asked about. */
export class GreedyRoute {
  readonly #agenda: Agenda;
  readonly #path: Path;
  readonly #connections: number;
  readonly #horizonMs: number;
  /** Bytes carried by the end of every NOTE_MS. */
  readonly #notes: number[] = [0];
  #carried = 0;
  #flows: Flow[] = [];

  constructor(
    route: RouteScenario,
    bottlenecks: readonly Bottleneck[],
    events: readonly ScenarioEvent[],
    connections: number,
    random: Random,
    horizonMs: number,
  ) {
    this.#agenda = new Agenda({ steps: MOST_STEPS, ms: horizonMs });
    this.#path = new Path(this.#agenda, random, route, [
      ...bottleneckLinks(bottlenecks, this.#agenda, random).values(),
    ]);
    this.#connections = connections;
    this.#horizonMs = horizonMs;
    for (const { atMs, change } of events) this.#agenda.at(atMs, () => this.#happen(change));
    this.#begin();
    this.#note();
  }

  /** Bytes carried until `ms`, to the next 10 ms. */
  carriedBy(ms: number): number {
    const wanted = Math.ceil(Math.min(ms, this.#horizonMs - 2 * NOTE_MS) / NOTE_MS);
    this.#runUntil(() => this.#notes.length > wanted);
    return this.#notes[wanted] ?? this.#carried;
  }

  /** When `bytes` are here, ms; infinite when that takes longer than `withinMs`. */
  timeToCarry(bytes: number, withinMs: number): number {
    const most = Math.min(withinMs, this.#horizonMs - 2 * NOTE_MS);
    this.#runUntil(() => this.#carried >= bytes || this.#agenda.now >= most);
    const at = this.#notes.findIndex((carried) => carried >= bytes);
    if (at >= 0) return at * NOTE_MS;
    return this.#carried >= bytes ? this.#agenda.now : Number.POSITIVE_INFINITY;
  }

  #runUntil(isDone: () => boolean): void {
    this.#agenda.run(isDone, () => 'greedy flows');
  }

  #note(): void {
    this.#agenda.at(this.#notes.length * NOTE_MS, () => {
      this.#notes.push(this.#carried);
      this.#note();
    });
  }

  #happen(change: RouteChange): void {
    this.#path.apply(change);
    if (isEnd(change.type)) this.#end();
    if (isBeginning(change.type) && (change.type !== 'accept' || this.#flows.length === 0)) this.#begin();
  }

  #end(): void {
    for (const flow of this.#flows) flow.close();
    this.#flows = [];
  }

  #begin(): void {
    const { rttMs } = this.#path.route;
    this.#agenda.after(1.5 * rttMs, () => {
      if (!this.#path.isServing || this.#path.refusing !== undefined) return;
      this.#end();
      for (let at = 0; at < this.#connections; at += 1) this.#flows.push(this.#flow(rttMs));
    });
  }

  #flow(rttMs: number): Flow {
    const flow: Flow = new Flow(this.#agenda, this.#path.line, this.#path.congestion(), rttMs, {
      received: (bytes) => (this.#carried += bytes),
      drained: () => {
        if (flow.unsentBytes < REFILL_BYTES) flow.write(REFILL_BYTES);
      },
    });
    flow.write(REFILL_BYTES);
    return flow;
  }
}

/** Connections end with this change. */
function isEnd(type: RouteChange['type']): boolean {
  return type === 'kill' || type === 'reset' || type === 'hang';
}

/** After this change a new connection is better than what there was. */
function isBeginning(type: RouteChange['type']): boolean {
  return type === 'restart' || type === 'reset' || type === 'hang' || type === 'recover' || type === 'accept';
}
