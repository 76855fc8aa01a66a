// The simulator itself: the same seed gives the same run, another seed another one; a run that never ends is told; the
// ideals are what can be computed by hand; broken invariants are noticed; stories that make no sense are refused.
import { describe, expect, test } from 'vitest';
import { HangError } from './agenda.ts';
import { fluidIdeal, idealOf } from './measure/ideal.ts';
import { Invariants } from './measure/invariants.ts';
import type { Invariant } from './measure/invariants.ts';
import { timelineSvg } from './measure/timeline.ts';
import { randomScenario } from './scenario/random-scenario.ts';
import { steadyRoute } from './scenario/scenario.ts';
import type { Scenario } from './scenario/scenario.ts';
import { parseStory } from './scenario/story.ts';
import { simulate } from './simulated.ts';
import { runScenario } from './world/run.ts';

const two: Scenario = {
  name: 'two',
  bytes: 6_000_000,
  routes: [
    { ...steadyRoute('near', 20, 20), loss: 0.001 },
    { ...steadyRoute('far', 10, 100), jitterMs: 3 },
  ],
  events: [],
  sinkRate: undefined,
  core: {},
};

describe('determinism', () => {
  test('the same seed gives the same effects at the same times, another seed others', () => {
    const first = simulate(two, 1, { log: true });
    expect(simulate(two, 1, { log: true }).fingerprint).toBe(first.fingerprint);
    expect(simulate(two, 2, { log: true }).fingerprint).not.toBe(first.fingerprint);
  });

  test('a route set depends on its seed alone', () => {
    expect(randomScenario(5, 'any')).toEqual(randomScenario(5, 'any'));
    expect(randomScenario(5, 'any')).not.toEqual(randomScenario(6, 'any'));
  });
});

describe('bounds', () => {
  test('a run that needs more virtual time than allowed is a hang that says where it is', () => {
    const run = (): unknown => runScenario(two, 1, [], { steps: 1_000_000, ms: 500 });
    expect(run).toThrow(HangError);
    expect(run).toThrow(/not done after 0.5 virtual s: segment \d+ is missing/);
  });

  test('a run that needs more steps than allowed as well', () => {
    expect(() => runScenario(two, 1, [], { steps: 100, ms: 1e6 })).toThrow(/not done after 100 steps/);
  });
});

describe('ideals', () => {
  const line = (mbit: number): number => (mbit * 125 * 1_448) / 1_500;

  test('the fluid ideal sums the lines from their second round trip on', () => {
    const routes = [steadyRoute('a', 40, 20), steadyRoute('b', 20, 100)];
    const bytes = line(40) * (1_000 - 40) + line(20) * (1_000 - 200);
    expect(fluidIdeal({ ...two, bytes, routes })).toBeCloseTo(1_000, 6);
  });

  test('follows what happens to a line', () => {
    const routes = [steadyRoute('a', 40, 20)];
    const events = [
      { atMs: 1_000, route: 0, change: { type: 'kill' } },
      { atMs: 2_000, route: 0, change: { type: 'restart' } },
      { atMs: 3_000, route: 0, change: { type: 'rate', rateMbit: 4 } },
    ] as const;
    const bytes = line(40) * (960 + 960) + line(4) * 500;
    expect(fluidIdeal({ ...two, bytes, routes, events })).toBeCloseTo(3_500, 6);
  });

  test('TCP needs longer than the fluid, all routes less than the best one', () => {
    const { fluidMs, idealMs, greedyMs, plainMs, bestSingleMs, bestPlainSingleMs, bestSingle } = idealOf(two, 1);
    expect(idealMs).toBeGreaterThanOrEqual(fluidMs);
    expect(greedyMs).toBeGreaterThanOrEqual(idealMs);
    expect(plainMs).toBeGreaterThanOrEqual(greedyMs);
    expect(bestSingleMs).toBeGreaterThan(greedyMs);
    expect(bestPlainSingleMs).toBeGreaterThanOrEqual(bestSingleMs);
    expect(two.routes[bestSingle]?.name).toBe('near');
  });
});

describe('invariants can be broken', () => {
  const pattern = (epoch: number, from: number): object => {
    return { epoch, from, to: 100, lead: new Uint16Array(0), cycle: Uint16Array.of(1) };
  };
  const opened = [
    { type: 'dial', channel: 1, route: 0 },
    { type: 'connected', channel: 1, connectMs: 1 },
    { type: 'open', channel: 1, pattern: pattern(2, 5), credit: 3 },
  ];
  const hello = { type: 'hello', channel: 1, size: 6_000_000, held: [{ first: 0, length: 10 }] };
  const inputs = new Set(['connected', 'hello', 'segment', 'verified', 'taken', 'closed', 'tick']);

  const cases: readonly (readonly [Invariant, readonly object[]])[] = [
    ['nothing unverified is delivered', [{ type: 'deliver', index: 0 }]],
    [
      'delivered once and in order',
      [
        { type: 'verified', index: 1, channel: 1, ok: true },
        { type: 'deliver', index: 1 },
      ],
    ],
    [
      'no effect on a closed channel',
      [...opened, { type: 'close', channel: 1 }, { type: 'ping', channel: 1, nonce: 1 }],
    ],
    [
      'no effect on a closed channel',
      [
        { type: 'dial', channel: 1, route: 0 },
        { type: 'open', channel: 1, credit: 0, pattern: pattern(1, 0) },
      ],
    ],
    ['patterns only rise', [...opened, { type: 'pattern', channel: 1, pattern: pattern(2, 5) }]],
    ['patterns only rise', [...opened, { type: 'pattern', channel: 1, pattern: pattern(3, 4) }]],
    [
      'only what is held is sent for',
      [...opened, hello, { type: 'send', channel: 1, ranges: [{ first: 10, length: 1 }], again: false }],
    ],
    [
      'one epoch is one pattern',
      [
        ...opened,
        { type: 'dial', channel: 2, route: 1 },
        { type: 'connected', channel: 2, connectMs: 1 },
        { type: 'open', channel: 2, pattern: { ...pattern(2, 5), to: 99 }, credit: 0 },
      ],
    ],
    ['only what is held is asked for by pattern', [...opened, hello, { type: 'credit', channel: 1, total: 6 }]],
    ['the in-order point is asked for', [...opened, hello, ...Array.from({ length: 9 }, () => ({ type: 'tick' }))]],
    [
      'a sound channel keeps what it may send',
      [
        ...opened,
        { type: 'segment', channel: 1, index: 5, epoch: 2, by: 'pattern' },
        { type: 'segment', channel: 1, index: 5, epoch: 2, by: 'pattern' },
      ],
    ],
  ];

  test.each(cases)('%s', (invariant, steps) => {
    const invariants = new Invariants(two);
    let now = 0;
    for (const step of steps) {
      now += 100;
      const { type } = step as { type: string };
      if (inputs.has(type)) invariants.input(step as never, now);
      else invariants.effect(step as never, now);
    }
    expect(invariants.faults.map((fault) => fault.invariant)).toContain(invariant);
  });

  describe('of terms', () => {
    const [first, ...others] = two.routes;
    const limited: Scenario = {
      ...two,
      routes: [{ ...first, terms: { quotaBytes: 1e6, maxBytesPerSecond: 1e5, maxConnections: 1 } }, ...others] as never,
    };
    const seen = (payloadBytes: number): never =>
      ({
        routes: [
          { payloadBytes, patternBytes: 0, corrupt: 0 },
          { payloadBytes: 0, patternBytes: 0, corrupt: 0 },
        ],
      }) as never;
    const broken = (watching: Invariants): Invariant[] => watching.faults.map(({ invariant }) => invariant);

    test('a quota, to within one segment', () => {
      const kept = new Invariants(limited);
      kept.end(seen(1e6 + 32_768), 60_000);
      expect(broken(kept)).toEqual([]);
      const over = new Invariants(limited);
      over.end(seen(1e6 + 32_769), 60_000);
      expect(broken(over)).toEqual(['quotas are kept']);
    });

    test('an allowed rate', () => {
      const over = new Invariants(limited);
      over.end(seen(9e5), 2_000);
      expect(broken(over)).toEqual(['allowed rates are kept']);
    });

    test('allowed connections', () => {
      const over = new Invariants(limited);
      over.effect({ type: 'dial', channel: 1, route: 0 }, 0);
      over.effect({ type: 'dial', channel: 2, route: 1 }, 0);
      expect(broken(over)).toEqual([]);
      over.effect({ type: 'dial', channel: 3, route: 0 }, 0);
      expect(broken(over)).toEqual(['allowed connections are kept']);
    });
  });

  test('credit stays within the window', () => {
    const invariants = new Invariants(two);
    const channels = [{ number: 1, state: 'open' }];
    invariants.turn(() => ({ routes: [{ index: 0, windowBytes: 65_536, channels }] }) as never, 0);
    for (const step of opened) {
      if (inputs.has(step.type)) invariants.input(step as never, 0);
      else invariants.effect(step as never, 0);
    }
    invariants.effect({ type: 'credit', channel: 1, total: 3 }, 0);
    expect(invariants.faults).toEqual([]);
    invariants.effect({ type: 'credit', channel: 1, total: 4 }, 0);
    expect(invariants.faults).toMatchObject([{ invariant: 'credit stays within the window' }]);
  });
});

describe('stories', () => {
  test.each([
    ['object 1 MB', 'needs an object and routes'],
    ['object 1 parsec', 'the size is given in'],
    ['route a 1 Mbit/s', 'has an rtt'],
    ['route a 1 Mbit/s rtt 2 ms colour red', 'a trait is one of'],
    ['route a 1 Mbit/s rtt 2 ms\nat 1 s b kill', 'the route is one of a'],
    ['expect waste below 1 ms', 'the value is given in %'],
    ['expect done soon', 'is too much'],
    ['tolerate everything', 'the invariant is one of'],
  ])('%s is refused', (text, complaint) => {
    expect(() => parseStory(text, 'story')).toThrow(complaint);
  });
});

test('a run can be drawn', () => {
  const { trace } = simulate(two, 1);
  const svg = timelineSvg(two, trace);
  expect(svg).toMatch(/^<svg [^]*<\/svg>$/);
  expect(svg).toContain('near 20 Mbit/s');
});
