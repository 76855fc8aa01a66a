// The traits of a route in a story, in any order behind its rate and round trip: of its line, of its source, and what the
// client is told of it beforehand (its terms).
//   loss 0.5 % · jitter 3 ms · buffer 200 ms · burst 1 % 20 % 50 % · congestion bbr · held in path 4 MB · over BOTTLENECK
//   corrupt 2 % · holds 0 % 50 % · claims 0 % 100 % · capped 5 Mbit/s · pong never | pong late 300 ms
//   mirror · quota 10 MB · at-most 5 Mbit/s · connections 2 · cost 0.09 · rank 0.5 · hops 3 · distance 5000 km
//   remembered 20 Mbit/s 30 ms
import type { RouteTerms } from '../../../client/core/route-terms.ts';
import { lineRate, steadyRoute } from './scenario.ts';
import type { RouteScenario } from './scenario.ts';
import { DISTANCE, FRACTION, RATE, SIZE, TIME } from './units.ts';
import type { Words } from './words.ts';

const LINE = ['loss', 'jitter', 'buffer', 'burst', 'congestion', 'held', 'over'] as const;
const SOURCE = ['corrupt', 'holds', 'claims', 'capped', 'pong'] as const;
const TERMS = ['mirror', 'quota', 'at-most', 'connections', 'cost', 'rank', 'hops', 'distance', 'remembered'] as const;

/** The rest of a line behind `route`. */
export function readRoute(words: Words, bottlenecks: readonly string[]): RouteScenario {
  const name = words.word('the name');
  const rateMbit = words.quantity('the rate', RATE);
  if (!words.has('rtt')) throw words.fault('a route has an rtt');
  const route: RouteScenario = { ...steadyRoute(name, rateMbit, words.quantity('the round trip', TIME)) };
  const terms: RouteTerms = {};
  while (!words.isOver) {
    const trait = words.oneOf('a trait', [...LINE, ...SOURCE, ...TERMS]);
    if (isOneOf(LINE, trait)) Object.assign(route, readLine(trait, words, route, bottlenecks));
    else if (isOneOf(SOURCE, trait)) Object.assign(route, readSource(trait, words));
    else Object.assign(terms, readTerm(trait, words));
  }
  return { ...route, terms };
}

function isOneOf<T extends string>(names: readonly T[], name: string): name is T {
  return names.some((each) => each === name);
}

function readLine(
  trait: (typeof LINE)[number],
  words: Words,
  route: RouteScenario,
  bottlenecks: readonly string[],
): Partial<RouteScenario> {
  switch (trait) {
    case 'loss':
      return { loss: percent(words, 'the loss') };
    case 'jitter':
      return { jitterMs: words.quantity('the jitter', TIME) };
    case 'buffer':
      return { bufferMs: words.quantity('the buffer', TIME) };
    case 'burst': {
      const enter = percent(words, 'entering');
      return { burst: { enter, leave: percent(words, 'leaving'), loss: percent(words, 'the loss') } };
    }
    case 'congestion':
      return { congestion: words.oneOf('the congestion control', ['cubic', 'bbr']) };
    case 'held':
      if (!words.has('in') || !words.has('path')) throw words.fault('"held in path" is meant');
      return { heldInPathBytes: words.quantity('the bytes', SIZE) };
    case 'over':
      return { over: [...route.over, words.oneOf('the bottleneck', bottlenecks)] };
    default:
      return trait satisfies never;
  }
}

function readSource(trait: (typeof SOURCE)[number], words: Words): Partial<RouteScenario> {
  switch (trait) {
    case 'corrupt':
      return { corrupt: percent(words, 'the corrupt part') };
    case 'holds':
      return { holds: [[percent(words, 'the beginning'), percent(words, 'the end')]] };
    case 'claims':
      return { claims: [[percent(words, 'the beginning'), percent(words, 'the end')]] };
    case 'capped':
      return { cappedRate: lineRate(words.quantity('the rate', RATE)) };
    case 'pong':
      if (words.has('late')) return { pong: words.quantity('the delay', TIME) };
      return { pong: words.oneOf('pong', ['never', 'true'] as const) };
    default:
      return trait satisfies never;
  }
}

function readTerm(trait: (typeof TERMS)[number], words: Words): RouteTerms {
  const perSecond = (): number => 1_000 * lineRate(words.quantity('the rate', RATE));
  switch (trait) {
    case 'mirror':
      return { proves: false };
    case 'quota':
      return { quotaBytes: words.quantity('the quota', SIZE) };
    case 'at-most':
      return { maxBytesPerSecond: perSecond() };
    case 'connections':
      return { maxConnections: words.number('the connections') };
    case 'cost':
      return { costPerGigabyte: words.number('the price') };
    case 'rank':
      return { rank: words.number('the rank') };
    case 'hops':
      return { hops: words.number('the hops') };
    case 'distance':
      return { distanceKilometres: words.quantity('the distance', DISTANCE) };
    case 'remembered': {
      const rememberedBytesPerSecond = perSecond();
      return { rememberedBytesPerSecond, rememberedRttMs: words.quantity('the round trip', TIME) };
    }
    default:
      return trait satisfies never;
  }
}

function percent(words: Words, what: string): number {
  return words.quantity(what, FRACTION);
}
