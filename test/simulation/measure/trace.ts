// What people want to see of a run: a row per second and route, every pattern, every arrival, the in-order point, the
// longest pauses, what was dialled and lost. Observes only.
import type { Effect, Input } from '../../../client/core/messages.ts';
import type { RouteSnapshot, Snapshot } from '../../../client/core/snapshot.ts';
import type { Observer } from '../world/shell.ts';

/** One route in one second. */
export type RouteRow = RouteSnapshot & {
  /** Payload that came within the row, bytes. */
  readonly cameBytes: number;
};

export type Row = {
  readonly atMs: number;
  readonly epoch: number;
  readonly pointSegment: number;
  readonly aheadSegments: number;
  readonly wasteBytes: number;
  readonly hedges: number;
  readonly routes: readonly RouteRow[];
};

export type Arrival = {
  readonly atMs: number;
  readonly index: number;
  readonly route: number;
  readonly by: 'pattern' | 'send';
  readonly isRepeated: boolean;
};

export type PatternMark = {
  readonly atMs: number;
  readonly epoch: number;
  readonly from: number;
  readonly leadEnd: number;
};
/** The in-order point: every segment below `point` is here from `atMs` on. */
export type PointMark = { readonly atMs: number; readonly point: number };
export type Pause = { readonly fromMs: number; readonly ms: number };
export type Note = { readonly atMs: number; readonly text: string };

const ROW_MS = 1_000;
const NO_PAUSE: Pause = Object.freeze({ fromMs: 0, ms: 0 });

/** Records one run. */
export class Trace implements Observer {
  readonly rows: Row[] = [];
  readonly arrivals: Arrival[] = [];
  readonly patterns: PatternMark[] = [];
  readonly points: PointMark[] = [];
  readonly notes: Note[] = [];
  readonly #routeOf = new Map<number, number>();
  readonly #states = new Map<number, string>();
  readonly #here = new Set<number>();
  #cameBytes: number[] = [];
  #point = 0;
  #epoch = 0;
  #longestPause: Pause = NO_PAUSE;
  #longestSilence: Pause = NO_PAUSE;
  #arrivedAt: number | undefined;
  #firstByteMs: number | undefined;

  /** Longest time in which the in-order point did not move, after its first move. */
  get longestPause(): Pause {
    return this.#longestPause;
  }

  /** Longest time in which no new segment came, after the first. */
  get longestSilence(): Pause {
    return this.#longestSilence;
  }

  get firstByteMs(): number | undefined {
    return this.#firstByteMs;
  }

  input(input: Input, now: number): void {
    switch (input.type) {
      case 'received': {
        const route = this.#routeOf.get(input.channel) ?? 0;
        this.#cameBytes[route] = (this.#cameBytes[route] ?? 0) + input.bytes;
        return;
      }
      case 'segment':
        return this.#arrive(input.index, this.#routeOf.get(input.channel) ?? 0, input.by, now);
      case 'closed':
      case 'refused':
        return this.#note(input.channel, `${input.type} ${input.code}`, now);
      case 'verified':
        if (!input.ok) this.#lose(input.index, input.channel, now);
        return;
      case 'dropped':
        return this.#note(input.channel, `dropped ${input.index}: ${input.reason}`, now);
      default:
    }
  }

  turn(snapshot: () => Snapshot, now: number): void {
    if (now >= (this.rows.length + 1) * ROW_MS) this.#row(snapshot(), now);
  }

  effect(effect: Effect, now: number): void {
    switch (effect.type) {
      case 'dial':
        this.#routeOf.set(effect.channel, effect.route);
        return this.#note(effect.channel, 'dial', now);
      case 'close':
        return this.#note(effect.channel, effect.graceful ? 'bye' : 'reset by the client', now);
      case 'open':
      case 'pattern': {
        const { epoch, from, lead } = effect.pattern;
        if (epoch > this.#epoch) this.patterns.push({ atMs: now, epoch, from, leadEnd: from + lead.length });
        this.#epoch = Math.max(this.#epoch, epoch);
        return;
      }
      case 'deliver':
        this.#firstByteMs ??= now;
        return;
      default:
    }
  }

  /** Closes the last row. */
  end(snapshot: Snapshot, now: number): void {
    this.#row(snapshot, now);
  }

  #row(snapshot: Snapshot, now: number): void {
    const { counters, highestSeen, lowestMissing, pattern } = snapshot;
    this.rows.push({
      atMs: now,
      epoch: pattern.epoch,
      pointSegment: lowestMissing,
      aheadSegments: Math.max(0, highestSeen + 1 - lowestMissing),
      wasteBytes: counters.wasteBytes,
      hedges: counters.hedges,
      routes: snapshot.routes.map((route) => ({ ...route, cameBytes: this.#cameBytes[route.index] ?? 0 })),
    });
    this.#cameBytes = [];
    for (const route of snapshot.routes) for (const channel of route.channels) this.#watch(channel, now);
  }

  #watch(channel: { number: number; state: string }, now: number): void {
    const before = this.#states.get(channel.number);
    if (before !== channel.state && channel.state === 'stalled') this.#note(channel.number, 'seen stalled', now);
    this.#states.set(channel.number, channel.state);
  }

  #arrive(index: number, route: number, by: 'pattern' | 'send', now: number): void {
    const isRepeated = this.#here.has(index);
    this.arrivals.push({ atMs: now, index, route, by, isRepeated });
    if (isRepeated) return;
    this.#longestSilence = longer(this.#longestSilence, this.#arrivedAt, now);
    this.#arrivedAt = now;
    this.#here.add(index);
    if (index !== this.#point) return;
    while (this.#here.has(this.#point)) this.#point += 1;
    this.#longestPause = longer(this.#longestPause, this.points.at(-1)?.atMs, now);
    this.points.push({ atMs: now, point: this.#point });
  }

  #lose(index: number, channel: number, now: number): void {
    this.#here.delete(index);
    this.#point = Math.min(this.#point, index);
    this.#note(channel, `segment ${index} is corrupt`, now);
  }

  #note(channel: number, text: string, now: number): void {
    this.notes.push({ atMs: now, text: `channel ${channel} of route ${this.#routeOf.get(channel) ?? '?'}: ${text}` });
  }
}

function longer(pause: Pause, fromMs: number | undefined, now: number): Pause {
  if (fromMs === undefined || now - fromMs <= pause.ms) return pause;
  return { fromMs, ms: now - fromMs };
}
