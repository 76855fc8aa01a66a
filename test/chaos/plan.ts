// What happens in one run of the chaos suite, all of it drawn from a seed: routes, liars among them, how the bytes are
// taken, and which faults strike when.
import { Random } from '../simulation/random.ts';

/** What a relay does to the segments that pass, besides passing them. */
export type Lie = (typeof LIES)[number] | (typeof REORDERING)[number] | 'keeps proofs';

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
  | { readonly type: 'kill client' | 'fill disk' }
  /** The wall clock of a machine: the client's, the origin's or that of a route's relay. */
  | { readonly type: 'clock jump'; readonly machine: string; readonly byMs: number }
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

const LIES = ['flips bits', 'cuts short', 'swallows', 'repeats', 'renumbers', 'forges proofs'] as const;
/** Nothing is changed or lost, but it comes late, or on another connection than the one it was asked for on. */
const REORDERING = ['holds back', 'crosses channels'] as const;
const REORDERS = 0.12;
const KEEPS_PROOFS = 0.06;
const CLOCK_JUMPS = 0.3;
const DISK_FILLS = 0.1;
/** A minute, an hour that a summer ends, a battery that was empty, ms. */
const JUMPS_MS = [60_000, 3_600_000, 50 * 365 * 86_400_000];
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
  const bytes = Math.round(random.between(LEAST_BYTES, MOST_BYTES));
  const ifChanged = pick('restart', 'fail');
  const pinned = random.next() < 0.5;
  const faults = Array.from({ length: count }, () => faultsOf(random, routes.length, output === 'file')).flat();
  // dice of their own: what was drawn for a seed before these existed stays
  const later = random.fork('reordering, clocks and disks');
  const silent = random.fork('proofs that are kept');
  faults.push(...clockJumps(later, routes));
  if (output === 'file' && later.chance(DISK_FILLS)) faults.push({ atMs: strikesAt(later), type: 'fill disk' });
  return {
    seed,
    bytes,
    output,
    ifChanged,
    pinned,
    routes: routes
      .map((route) => (later.chance(REORDERS) ? { ...route, lie: later.pick(REORDERING) } : route))
      .map((route) => (silent.chance(KEEPS_PROOFS) ? { ...route, lie: 'keeps proofs' } : route)),
    faults: faults.toSorted((a, b) => a.atMs - b.atMs),
  };
}

function strikesAt(random: Random): number {
  return Math.round(random.next() * STRIKES_UNTIL_MS);
}

/** One wall clock jumps, there or there and back. */
function clockJumps(random: Random, routes: readonly PlannedRoute[]): Fault[] {
  if (!random.chance(CLOCK_JUMPS)) return [];
  const machine = random.pick(['client', 'origin', ...routes.map(({ name }) => name)]);
  const byMs = random.pick(JUMPS_MS) * random.pick([1, -1]);
  const jumps = [strikesAt(random), strikesAt(random)].toSorted((a, b) => a - b);
  const [there = 0, back = 0] = jumps;
  const first: Fault = { atMs: there, type: 'clock jump', machine, byMs };
  return random.chance(0.5) ? [first, { atMs: back, type: 'clock jump', machine, byMs: -byMs }] : [first];
}

/** A fault, and mostly its end. */
function faultsOf(random: Random, routes: number, resumable: boolean): Fault[] {
  const atMs = strikesAt(random);
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

/** The client stands still, as a machine that sleeps: its monotonic clock jumps. Or it is killed and started again. */
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
  const blows = faults.map((fault) => `${fault.atMs} ${fault.type}${whomOf(fault)}`);
  const how = `${bytes} bytes to ${output}${pinned ? ', root pinned' : ''}, ${ifChanged} if changed`;
  return `seed ${seed}: ${how}; ${ways.join(', ')}; ${blows.join(', ') || 'no faults'}`;
}

function whomOf(fault: Fault): string {
  if (fault.type === 'clock jump') return ` of ${fault.machine} by ${fault.byMs / 1_000} s`;
  return 'route' in fault ? ` r${fault.route}` : '';
}
