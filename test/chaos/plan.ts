// What happens in one run of the chaos suite, all of it drawn from a seed: routes, liars among them, how the bytes are
// taken, and which faults strike when.
import { Random } from '../simulation/random.ts';

/** What a relay does to the segments that pass, besides passing them. */
export type Lie = 'flips bits' | 'cuts short' | 'swallows' | 'repeats' | 'renumbers' | 'forges proofs';

export type PlannedRoute = {
  readonly name: string;
  readonly megabitsPerSecond: number;
  readonly delayMs: number;
  readonly lie: Lie | undefined;
};

/** A fault, ms after the client was started. `route` is a place in the list of routes. */
export type Fault = { readonly atMs: number } & (
  | { readonly type: 'kill relay' | 'restart relay' | 'stop relay' | 'continue relay'; readonly route: number }
  | { readonly type: 'blackhole' | 'end of blackhole' | 'reset link' | 'restore link'; readonly route: number }
  | { readonly type: 'change rate'; readonly route: number; readonly megabitsPerSecond: number }
  | { readonly type: 'kill origin' | 'restart origin' | 'change object' | 'stop client' | 'continue client' }
  | { readonly type: 'kill client' }
);

export type Plan = {
  readonly seed: number;
  readonly bytes: number;
  readonly output: 'file' | 'pipe' | 'slow pipe' | 'full disk';
  readonly ifChanged: 'restart' | 'fail';
  readonly pinned: boolean;
  readonly routes: readonly PlannedRoute[];
  readonly faults: readonly Fault[];
};

const LIES: readonly Lie[] = ['flips bits', 'cuts short', 'swallows', 'repeats', 'renumbers', 'forges proofs'];
const LEAST_BYTES = 1_000_000;
const MOST_BYTES = 8_000_000;
const MOST_FAULTS = 4;
/** When faults strike: from before the first connection until after most objects are done, ms. */
const STRIKES_UNTIL_MS = 3_000;
/** How long what ends by itself lasts, ms. */
const LASTS_MS = 2_500;

/** The plan of a seed. */
export function planOf(seed: number): Plan {
  const random = new Random(seed);
  const pick = <Value>(...all: readonly Value[]): Value => all[Math.floor(random.next() * all.length)] as Value;
  const routes = Array.from(
    { length: 1 + Math.floor(random.next() * 3) },
    (_, at): PlannedRoute => ({
      name: `r${at}`,
      megabitsPerSecond: pick(8, 16, 32),
      delayMs: pick(1, 8, 30, 90),
      lie: random.next() < 0.25 ? pick(...LIES) : undefined,
    }),
  );
  const output = random.next() < 0.55 ? 'file' : pick('pipe', 'pipe', 'slow pipe', 'full disk');
  const count = Math.floor(random.next() * (MOST_FAULTS + 1));
  return {
    seed,
    bytes: Math.round(random.between(LEAST_BYTES, MOST_BYTES)),
    output,
    ifChanged: pick('restart', 'fail'),
    pinned: random.next() < 0.5,
    routes,
    faults: Array.from({ length: count }, () => faultsOf(random, routes.length, output === 'file'))
      .flat()
      .toSorted((a, b) => a.atMs - b.atMs),
  };
}

/** A fault, and mostly its end. */
function faultsOf(random: Random, routes: number, resumable: boolean): Fault[] {
  const atMs = Math.round(random.next() * STRIKES_UNTIL_MS);
  const route = Math.floor(random.next() * routes);
  const until = atMs + Math.round(100 + random.next() * LASTS_MS);
  const ends = random.next() < 0.7;
  switch (Math.floor(random.next() * 8)) {
    case 0:
      return [
        { atMs, type: 'kill relay', route },
        ...(ends ? [{ atMs: until, type: 'restart relay', route } as const] : []),
      ];
    case 1:
      return [
        { atMs, type: 'stop relay', route },
        { atMs: until, type: 'continue relay', route },
      ];
    case 2:
      return [
        { atMs, type: 'blackhole', route },
        ...(ends ? [{ atMs: until, type: 'end of blackhole', route } as const] : []),
      ];
    case 3:
      return [
        { atMs, type: 'reset link', route },
        ...(ends ? [{ atMs: until, type: 'restore link', route } as const] : []),
      ];
    case 4:
      return [{ atMs, type: 'change rate', route, megabitsPerSecond: random.between(1, 64) }];
    case 5:
      return [
        { atMs, type: 'kill origin' },
        { atMs: until, type: 'restart origin' },
      ];
    case 6:
      return random.next() < 0.5 ? [{ atMs, type: 'change object' }] : stopOrKill(atMs, until, resumable && ends);
    default:
      return stopOrKill(atMs, until, false);
  }
}

/** The client stands still, as a machine that sleeps: for it the clock jumps. Or it is killed and started again. */
function stopOrKill(atMs: number, until: number, kill: boolean): Fault[] {
  if (kill) return [{ atMs, type: 'kill client' }];
  return [
    { atMs, type: 'stop client' },
    { atMs: until, type: 'continue client' },
  ];
}

/** In one line. */
export function describePlan({ seed, bytes, output, ifChanged, pinned, routes, faults }: Plan): string {
  const ways = routes.map(({ name, megabitsPerSecond, delayMs, lie }) => {
    return `${name} ${megabitsPerSecond} Mbit/s ${delayMs} ms${lie === undefined ? '' : ` ${lie}`}`;
  });
  const blows = faults.map((fault) => `${fault.atMs} ${fault.type}${'route' in fault ? ` r${fault.route}` : ''}`);
  const how = `${bytes} bytes to ${output}${pinned ? ', root pinned' : ''}, ${ifChanged} if changed`;
  return `seed ${seed}: ${how}; ${ways.join(', ')}; ${blows.join(', ') || 'no faults'}`;
}
