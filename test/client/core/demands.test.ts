// What the user demands of a running transfer: pauses, preferences, caps, budget; alone, and at random in random lives.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Demand, Input } from '../../../client/core/messages.ts';
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import type { CoreOptions } from '../../../client/core/options.ts';
import { SEGMENT } from './core-state.ts';
import { PlayedTransfer } from './played-transfer.ts';

const PAUSE: Demand = { type: 'pause', isPaused: true };
const GO_ON: Demand = { type: 'pause', isPaused: false };

/** What was asked for so far arrives, again and again: up to `most` segments of each channel in 5 ms. */
function drain(play: PlayedTransfer, rounds = 20, most = Number.POSITIVE_INFINITY): void {
  for (let round = 0; round < rounds; round += 1) {
    for (const channel of [...play.sources.keys()]) {
      play.up(channel);
      play.down(channel, most);
    }
    play.pass(5);
  }
}

function arrivals(play: PlayedTransfer): number {
  return play.arrivals.reduce((sum, count) => sum + (count ?? 0), 0);
}

function exclude(route: number, preference: 'exclude' | 'normal' | 'prefer' = 'exclude'): Demand {
  return { type: 'prefer', route, preference };
}

describe('a pause', () => {
  test('lets come what was asked for, then nothing, for as long as it lasts; then the rest comes', () => {
    const play = new PlayedTransfer({ routes: 2, segments: 400 });
    play.open(1);
    play.open(2);
    play.feed(PAUSE);
    const asked = play.snapshot.routes.reduce((sum, { outBytes }) => sum + outBytes / SEGMENT, 0);
    drain(play);
    expect(arrivals(play)).toBe(asked);
    expect(play.snapshot.isPaused).toBe(true);
    const effects = play.pass(2 * CORE_DEFAULTS.giveUpMs);
    expect(effects.filter(({ type }) => type !== 'ping')).toEqual([]);
    // a sign of life for each of the two, now and then
    expect(effects.length).toBeGreaterThanOrEqual(2 * 11);
    expect(effects.length).toBeLessThanOrEqual(2 * 13);
    play.feed(GO_ON);
    expect(play.finish()).toBe('done');
    expect(play.delivered.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, index) => index));
    expect(play.faults).toEqual([]);
  });

  test('before anything was connected gives up what is being dialled, and dials again afterwards', () => {
    const play = new PlayedTransfer({ segments: 10 });
    expect(play.feed(PAUSE)).toEqual([{ type: 'close', channel: 1, graceful: true }]);
    expect(play.pass(60_000)).toEqual([]);
    expect(play.feed(GO_ON)).toEqual([{ type: 'dial', channel: 2, route: 0 }]);
    expect(play.finish()).toBe('done');
  });

  test('in which all connections end is no reason to fail; they are dialled when it goes on', () => {
    const play = new PlayedTransfer({ segments: 200 });
    play.open(1);
    drain(play, 2);
    play.feed(PAUSE);
    play.end(1);
    expect(play.pass(3 * CORE_DEFAULTS.giveUpMs)).toEqual([]);
    play.feed(GO_ON);
    expect(play.channels).toHaveLength(1);
    expect(play.finish()).toBe('done');
  });
});

describe('an excluded route', () => {
  test('brings what it was asked for, then is closed and left alone; taken back, it is used again', () => {
    const play = new PlayedTransfer({ routes: 2, segments: 3_000 });
    play.open(1);
    play.open(2);
    drain(play, 5, 2);
    play.feed(exclude(1));
    drain(play, 40, 2);
    const brought = play.route(1).segments;
    expect(play.route(1)).toMatchObject({ state: 'excluded', channels: [], preference: 'exclude' });
    drain(play, 40, 2);
    expect(play.route(1).segments).toBe(brought);
    play.feed(exclude(1, 'normal'));
    expect(play.route(1).state).toBe('connecting');
    play.open(play.channels.at(-1)!);
    drain(play, 40, 2);
    expect(play.route(1).segments).toBeGreaterThan(brought);
    expect(play.finish()).toBe('done');
    expect(play.faults).toEqual([]);
  });

  test('that is the last makes the transfer wait for it', () => {
    const play = new PlayedTransfer({ segments: 100 });
    play.open(1);
    play.feed(exclude(0));
    drain(play);
    play.pass(2 * CORE_DEFAULTS.giveUpMs);
    expect(play.outcome).toBeUndefined();
    play.feed(exclude(0, 'normal'));
    expect(play.finish()).toBe('done');
  });

  test('beside one that fails for good leaves no route', () => {
    const play = new PlayedTransfer({ routes: 2, segments: 100 });
    play.feed(exclude(1));
    play.open(1);
    play.feed({ type: 'refused', channel: 1, code: 'object-not-found' });
    expect(play.outcome).toBe('object-not-found');
    expect(play.effects.at(-1)).toMatchObject({ message: expect.stringContaining('{route 1}: excluded by you') });
  });
});

test('a preferred route comes into use at once, and stays while it works', () => {
  const terms = [{ rank: 1 }, { rank: 0.9 }, { rank: 0 }];
  const play = new PlayedTransfer({ routes: 3, segments: 2_000, terms, options: { activeRoutes: 2 } });
  play.open(1);
  play.open(2);
  expect(play.route(2).role).toBe('standby');
  play.feed(exclude(2, 'prefer'));
  expect(play.snapshot.routes.map(({ role }) => role)).toEqual(['active', 'standby', 'active']);
  play.open(play.channels.at(-1)!);
  drain(play);
  expect(play.route(2).segments).toBeGreaterThan(0);
  expect(play.route(2).role).toBe('active');
});

describe('a cap', () => {
  test.each([
    ['of all routes together', 'all' as const],
    ['of one route', 0],
  ])('%s holds from the moment on it is said, until it is lifted', (_, route) => {
    const play = new PlayedTransfer({ routes: route === 'all' ? 3 : 1, segments: 40_000, options: { output: 'any' } });
    for (const channel of play.channels) play.open(channel);
    drain(play, 40, 2);
    const bytesPerSecond = 50 * SEGMENT;
    play.feed({ type: 'cap', route, bytesPerSecond });
    drain(play, 40, 2);
    const before = arrivals(play);
    const from = play.now;
    drain(play, 400, 2);
    const allowed = (bytesPerSecond * (play.now - from)) / 1_000 / SEGMENT;
    expect(arrivals(play) - before).toBeLessThanOrEqual(allowed * 1.05 + play.channels.length);
    expect(arrivals(play) - before).toBeGreaterThan(0.8 * allowed);
    play.feed({ type: 'cap', route, bytesPerSecond: undefined });
    drain(play, 200, 2);
    expect(arrivals(play) - before).toBeGreaterThan(2 * allowed);
    expect(play.faults).toEqual([]);
  });

  test('of all is shared out by what the routes carry', () => {
    const play = new PlayedTransfer({ routes: 2, segments: 100_000, options: { output: 'any' } });
    for (const channel of play.channels) play.open(channel);
    const slowly = (rounds: number): void => {
      for (let round = 0; round < rounds; round += 1) {
        for (const channel of [...play.sources.keys()]) play.up(channel);
        play.down(1, 6);
        play.down(2, 2);
        play.pass(10);
      }
    };
    slowly(300);
    play.feed({ type: 'cap', route: 'all', bytesPerSecond: 100 * SEGMENT });
    const before = play.snapshot.routes.map(({ segments }) => segments);
    slowly(1_000);
    const [first = 0, second = 0] = play.snapshot.routes.map(({ segments }, at) => segments - (before[at] ?? 0));
    expect(first + second).toBeGreaterThan(900);
    expect(first + second).toBeLessThan(1_100);
    expect(first / second).toBeGreaterThan(1.5);
  });
});

test('a budget that is raised in time lets a priced route go on', () => {
  const gigabyte = 1e9;
  const costPerGigabyte = gigabyte / SEGMENT;
  const options: Partial<CoreOptions> = { costBudget: 100 };
  const play = new PlayedTransfer({ segments: 100, terms: [{ costPerGigabyte }], options });
  play.open(1);
  play.feed({ type: 'budget', cost: 60 });
  expect(play.outcome).toBe('budget-exhausted');
  const other = new PlayedTransfer({ segments: 100, terms: [{ costPerGigabyte }], options });
  other.feed({ type: 'budget', cost: undefined });
  other.open(1);
  expect(other.finish()).toBe('done');
});

test('a range that is raised before anything is known of the object is brought, though all credit went to what is not there', () => {
  for (const output of ['order', 'any'] as const) {
    const play = new PlayedTransfer({ routes: 3, segments: 1, options: { output, activeRoutes: 1 } });
    play.feed({ type: 'raise', ranges: [{ first: 0, length: 1 }] });
    expect(play.finish()).toBe('done');
    expect(play.faults).toEqual([]);
  }
});

test('what names a route that is not there changes nothing', () => {
  const play = new PlayedTransfer({ segments: 50 });
  play.open(1);
  const before = play.snapshot.routes;
  play.feed([exclude(7), { type: 'cap', route: 7, bytesPerSecond: 1_000 }]);
  expect(play.snapshot.routes).toEqual(before);
  expect(play.finish()).toBe('done');
});

const ROUTES = 3;
const demands = fc.oneof(
  fc.record({ type: fc.constant('pause' as const), isPaused: fc.boolean() }),
  fc.record({
    type: fc.constant('prefer' as const),
    route: fc.nat(ROUTES),
    preference: fc.constantFrom('exclude', 'normal', 'prefer'),
  }),
  fc.record({
    type: fc.constant('cap' as const),
    route: fc.oneof(fc.constant('all' as const), fc.nat(ROUTES)),
    bytesPerSecond: fc.oneof(fc.constant(undefined), fc.integer({ min: 1_000, max: 1e8 })),
  }),
  fc.record({
    type: fc.constant('raise' as const),
    ranges: fc.array(fc.record({ first: fc.nat(130), length: fc.nat(20) })),
  }),
  fc.record({ type: fc.constant('join' as const), terms: fc.constantFrom({}, { rank: 1 }, { maxConnections: 1 }) }),
) as fc.Arbitrary<Demand>;
const lives = fc.array(
  fc.oneof(demands, fc.record({ type: fc.constantFrom('up', 'down', 'pass', 'open', 'end'), which: fc.nat(9) })),
  { maxLength: 100 },
);

test('whatever is demanded, the object comes whole and once, nothing is asked for in a pause, and all invariants hold', () => {
  fc.assert(
    fc.property(
      fc.record({
        segments: fc.integer({ min: 0, max: 120 }),
        output: fc.constantFrom<CoreOptions['output']>('order', 'any'),
        activeRoutes: fc.integer({ min: 1, max: ROUTES }),
      }),
      lives,
      ({ segments, output, activeRoutes }, life) => {
        const play = new PlayedTransfer({ routes: ROUTES, segments, options: { output, activeRoutes } });
        for (const step of life) {
          if (play.outcome !== undefined) break;
          const open = [...play.sources.keys()];
          const { isPaused } = play.snapshot;
          const before = play.effects.length;
          if (!('which' in step)) play.feed(step);
          else if (step.type === 'pass') play.pass(step.which * step.which);
          else if (step.type === 'open') {
            const next = play.channels.find((channel) => !play.sources.has(channel));
            if (next !== undefined) play.open(next, 1 + 10 * step.which);
          } else if (open.length > 0) {
            const channel = open[step.which % open.length]!;
            if (step.type === 'up') play.up(channel, step.which);
            else if (step.type === 'down') play.down(channel, step.which);
            else play.end(channel);
          }
          const asked = play.effects.slice(before).filter(({ type }) => ASKS.includes(type));
          if (isPaused && play.snapshot.isPaused) expect(asked).toEqual([]);
        }
        if (play.outcome === undefined) play.feed(GO_ON);
        for (let route = 0; route < ROUTES; route += 1) {
          play.feed([exclude(route, 'normal'), { type: 'cap', route, bytesPerSecond: undefined }]);
        }
        play.feed({ type: 'cap', route: 'all', bytesPerSecond: undefined });
        expect(play.finish()).toBe('done');
        const all = Array.from({ length: segments }, (_, index) => index);
        expect(output === 'order' ? play.delivered : play.delivered.toSorted((a, b) => a - b)).toEqual(all);
        expect(play.faults).toEqual([]);
      },
    ),
    { numRuns: 150 },
  );
});

const ASKS = ['dial', 'open', 'pattern', 'credit', 'send'];

describe('another route', () => {
  test('is dialled at once, gets its share, and counts in what is remembered', () => {
    const play = new PlayedTransfer({ routes: 1, segments: 600, isMapped: true });
    play.open(1);
    drain(play, 3, 4);
    expect(play.feed({ type: 'join', terms: { rank: 1 } })).toContainEqual({ type: 'dial', channel: 2, route: 1 });
    play.open(2);
    expect(play.finish()).toBe('done');
    expect(play.delivered.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 600 }, (_, index) => index));
    expect(play.faults).toEqual([]);
    const [first, second] = play.snapshot.routes;
    expect([first?.segments, second?.segments].every((count) => (count ?? 0) > 50)).toBe(true);
    const { by } = play.transfer.map?.count(0, 600) ?? { by: [] };
    expect(by).toEqual([first?.segments, second?.segments]);
  });

  test('that works saves a transfer whose own are all gone', () => {
    const play = new PlayedTransfer({ routes: 1, segments: 100 });
    play.feed({ type: 'refused', channel: 1, code: 'overloaded', retryAfterMs: 60_000 });
    play.pass(1_000);
    play.feed({ type: 'join', terms: {} });
    const [channel = 0] = [...play.routes].find(([, route]) => route === 1) ?? [];
    play.open(channel);
    expect(play.finish()).toBe('done');
    expect(play.faults).toEqual([]);
  });

  test('beyond those that may be used stands by; during a pause it waits', () => {
    const crowded = new PlayedTransfer({ routes: 2, segments: 100, options: { activeRoutes: 2 } });
    expect(crowded.feed({ type: 'join', terms: {} }).filter(({ type }) => type === 'dial')).toEqual([]);
    expect(crowded.snapshot.routes.map(({ role }) => role)).toEqual(['active', 'active', 'standby']);
    const paused = new PlayedTransfer({ routes: 1, segments: 100 });
    paused.open(1);
    paused.feed(PAUSE);
    expect(paused.feed({ type: 'join', terms: {} }).filter(({ type }) => type === 'dial')).toEqual([]);
    expect(paused.feed(GO_ON)).toContainEqual({ type: 'dial', channel: expect.any(Number), route: 1 });
    expect(paused.finish()).toBe('done');
  });
});

describe('a server that is about to stop', () => {
  const leave = (route: number, isLeaving = true): Input => ({ type: 'leave', route, isLeaving });

  test('gets no more to do, finishes what it was asked for, and is told BYE; nothing comes twice', () => {
    const play = new PlayedTransfer({ routes: 2, segments: 600, options: { output: 'order' } });
    play.open(1);
    play.open(2);
    drain(play, 3, 4);
    const asked = play.snapshot.routes[0]?.outBytes ?? 0;
    expect(asked).toBeGreaterThan(0);
    const effects = play.feed(leave(0));
    expect(effects.filter((effect) => effect.type === 'credit' && effect.channel === 1)).toEqual([]);
    expect(play.snapshot.routes[0]).toMatchObject({ reason: 'draining' });
    const before = play.snapshot.routes[0]?.payloadBytes ?? 0;
    drain(play, 6, 8);
    expect(play.snapshot.routes[0]?.payloadBytes).toBe(before + asked);
    expect(play.effects).toContainEqual({ type: 'close', channel: 1, graceful: true });
    drain(play, 6, 8);
    // it is not dialled while it says so
    expect(play.effects.filter((effect) => effect.type === 'dial' && effect.route === 0)).toHaveLength(1);
    expect(play.finish()).toBe('done');
    expect([play.snapshot.counters.wasteBytes, play.faults]).toEqual([0, []]);
  });

  test('is dialled at once when it is there again', () => {
    const play = new PlayedTransfer({ routes: 2, segments: 600 });
    play.open(1);
    play.open(2);
    drain(play, 2, 4);
    play.feed(leave(0));
    drain(play, 8, 4);
    expect(play.feed(leave(0, false))).toContainEqual({ type: 'dial', channel: 3, route: 0 });
    expect(play.finish()).toBe('done');
    expect(play.faults).toEqual([]);
  });

  test('is kept while nobody else carries on, and as soon as nobody does', () => {
    const play = new PlayedTransfer({ routes: 2, segments: 600 });
    play.open(1);
    expect(play.feed(leave(0)).filter(({ type }) => type === 'close')).toEqual([]);
    play.open(2);
    play.feed(leave(0));
    drain(play, 4, 4);
    play.feed({ type: 'closed', channel: 2, code: 'connection-lost' });
    expect(play.feed(leave(0))).toContainEqual({ type: 'dial', channel: expect.any(Number), route: 0 });
    expect(play.finish()).toBe('done');
    expect(play.faults).toEqual([]);
  });

  test('that is no route of the transfer changes nothing', () => {
    const play = new PlayedTransfer({ routes: 1, segments: 10 });
    play.open(1);
    expect(() => play.feed(leave(7))).not.toThrow();
    expect(play.finish()).toBe('done');
  });
});

describe('a newer token', () => {
  test('has a successor dialled while the channel finishes what it was asked for; nothing is lost or fetched twice', () => {
    const play = new PlayedTransfer({ routes: 1, segments: 300 });
    play.open(1);
    drain(play, 3, 4);
    expect(play.feed({ type: 'renew', channel: 1 })).toContainEqual({ type: 'dial', channel: 2, route: 0 });
    expect(play.feed({ type: 'renew', channel: 1 }).filter(({ type }) => type === 'dial')).toEqual([]);
    play.open(2);
    expect(play.finish()).toBe('done');
    expect(play.arrivals.every((count) => (count ?? 0) <= 1)).toBe(true);
    expect(play.effects).toContainEqual({ type: 'close', channel: 1, graceful: true });
    expect(play.faults).toEqual([]);
    play.feed({ type: 'renew', channel: 77 });
  });
});
