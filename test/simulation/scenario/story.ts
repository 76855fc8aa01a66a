// Stories: scenarios and what is expected of them, as text that people read. One statement per line, `#` begins a comment:
//   object 64 MB · output any|order · segment 64 KiB · reorder 8 MB · sink 20 Mbit/s · core OPTION VALUE
//   route NAME 40 Mbit/s rtt 20 ms [loss 0.5 %] [jitter 3 ms] [buffer 200 ms] [burst 1 % 20 % 50 %] [congestion bbr]
//              [corrupt 2 %] [holds 0 % 50 %] [pong never | pong late 300 ms] [held in path 4 MB]
//   at 3 s NAME rate 2 Mbit/s | loss 1 % | rtt 200 ms | jitter 5 ms | corrupt 5 % | refuse CODE [after 2 s]
//   at 3 s NAME blackhole | recover | kill | restart | reset | hang | accept
//   tolerate INVARIANT: known to be broken at present
//   expect done | fail CODE
//   expect fluid|ideal|plain|single|plain-single|waste|pause|hedges|patterns|by-pattern|first-byte above|below VALUE · share of NAME …
import { ERROR_CODES } from '../../../protocol/errors.ts';
import type { ErrorCode } from '../../../protocol/errors.ts';
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import type { CoreOptions } from '../../../client/core/options.ts';
import { INVARIANTS } from '../measure/invariants.ts';
import type { Invariant } from '../measure/invariants.ts';
import { parseExpectation } from './expectation.ts';
import type { Expectation } from './expectation.ts';
import { lineRate, steadyRoute } from './scenario.ts';
import type { RouteChange, RouteScenario, Scenario, ScenarioEvent } from './scenario.ts';
import { Words } from './words.ts';

const TIME = Object.freeze({ ms: 1, s: 1_000 });
const FRACTION = Object.freeze({ '%': 0.01 });
const RATE = Object.freeze({ 'Mbit/s': 1, 'Gbit/s': 1_000, 'kbit/s': 0.001 });
const SIZE = Object.freeze({ B: 1, kB: 1e3, KiB: 1_024, MB: 1e6, MiB: 1_048_576, GB: 1e9 });

export type Story = {
  readonly scenario: Scenario;
  readonly expectations: readonly Expectation[];
  readonly tolerated: readonly Invariant[];
};

type Draft = {
  bytes: number | undefined;
  sinkRate: number | undefined;
  readonly core: { -readonly [Name in keyof CoreOptions]?: CoreOptions[Name] };
  readonly routes: RouteScenario[];
  readonly events: ScenarioEvent[];
  readonly expectations: Expectation[];
  readonly tolerated: Invariant[];
};

/** Reads a story; throws an Error that names the line. */
export function parseStory(text: string, name: string): Story {
  const draft: Draft = {
    bytes: undefined,
    sinkRate: undefined,
    core: {},
    routes: [],
    events: [],
    expectations: [],
    tolerated: [],
  };
  for (const [at, line] of text.split('\n').entries()) {
    const words = new Words(line.replace(/#.*/, ''), `${name}:${at + 1}`);
    if (words.isOver) continue;
    readStatement(draft, words);
    words.end();
  }
  const { bytes, sinkRate, core, routes, events, expectations, tolerated } = draft;
  if (bytes === undefined || routes.length === 0) throw new Error(`${name}: a story needs an object and routes`);
  return { scenario: { name, bytes, routes, events, sinkRate, core }, expectations, tolerated };
}

function readStatement(draft: Draft, words: Words): void {
  const names = draft.routes.map((route) => route.name);
  const statements = [
    'object',
    'output',
    'segment',
    'core',
    'reorder',
    'sink',
    'route',
    'at',
    'tolerate',
    'expect',
  ] as const;
  const statement = words.oneOf('a statement', statements);
  switch (statement) {
    case 'object':
      draft.bytes = Math.round(words.quantity('the size', SIZE));
      return;
    case 'output':
      draft.core.output = words.oneOf('the output', ['any', 'order']);
      return;
    case 'segment':
      draft.core.segmentBytes = words.quantity('the segment size', SIZE);
      return;
    case 'reorder':
      draft.core.reorderBytes = words.quantity('the reorder window', SIZE);
      return;
    case 'core': {
      const option = words.oneOf('the option', Object.keys(CORE_DEFAULTS) as (keyof CoreOptions)[]);
      Object.assign(draft.core, { [option]: words.number('the value') });
      return;
    }
    case 'sink':
      draft.sinkRate = lineRate(words.quantity('the rate', RATE));
      return;
    case 'route':
      draft.routes.push(readRoute(words));
      return;
    case 'at': {
      const atMs = words.quantity('the time', TIME);
      const route = names.indexOf(words.oneOf('the route', names));
      draft.events.push({ atMs, route, change: readChange(words) });
      return;
    }
    case 'tolerate':
      draft.tolerated.push(words.oneOfThese('the invariant', words.rest(), INVARIANTS));
      return;
    case 'expect':
      draft.expectations.push(parseExpectation(words, names));
      return;
    default:
      statement satisfies never;
  }
}

function readRoute(words: Words): RouteScenario {
  const name = words.word('the name');
  const rateMbit = words.quantity('the rate', RATE);
  if (!words.has('rtt')) throw words.fault('a route has an rtt');
  const steady = steadyRoute(name, rateMbit, words.quantity('the round trip', TIME));
  const traits: Partial<RouteScenario>[] = [];
  while (!words.isOver) traits.push(readTrait(words));
  return Object.assign({}, steady, ...traits) as RouteScenario;
}

function readTrait(words: Words): Partial<RouteScenario> {
  const traits = ['loss', 'jitter', 'buffer', 'burst', 'congestion', 'corrupt', 'holds', 'pong', 'held'] as const;
  const percent = (what: string): number => words.quantity(what, FRACTION);
  const trait = words.oneOf('a trait', traits);
  switch (trait) {
    case 'loss':
      return { loss: percent('the loss') };
    case 'jitter':
      return { jitterMs: words.quantity('the jitter', TIME) };
    case 'buffer':
      return { bufferMs: words.quantity('the buffer', TIME) };
    case 'burst':
      return { burst: { enter: percent('entering'), leave: percent('leaving'), loss: percent('the loss') } };
    case 'congestion':
      return { congestion: words.oneOf('the congestion control', ['cubic', 'bbr']) };
    case 'corrupt':
      return { corrupt: percent('the corrupt part') };
    case 'holds':
      return { holds: [[percent('the beginning'), percent('the end')]] };
    case 'pong':
      if (words.has('late')) return { pong: words.quantity('the delay', TIME) };
      return { pong: words.oneOf('pong', ['never', 'true'] as const) };
    case 'held':
      if (!words.has('in') || !words.has('path')) throw words.fault('"held in path" is meant');
      return { heldInPathBytes: words.quantity('the bytes', SIZE) };
    default:
      return trait satisfies never;
  }
}

function readChange(words: Words): RouteChange {
  const plain = ['blackhole', 'recover', 'kill', 'restart', 'reset', 'hang', 'accept'] as const;
  const type = words.oneOf('what happens', [...plain, 'rate', 'rtt', 'jitter', 'loss', 'corrupt', 'refuse'] as const);
  switch (type) {
    case 'rate':
      return { type, rateMbit: words.quantity('the rate', RATE) };
    case 'rtt':
      return { type, rttMs: words.quantity('the round trip', TIME) };
    case 'jitter':
      return { type, jitterMs: words.quantity('the jitter', TIME) };
    case 'loss':
      return { type, loss: words.quantity('the loss', FRACTION) };
    case 'corrupt':
      return { type, corrupt: words.quantity('the corrupt part', FRACTION) };
    case 'refuse': {
      const code = words.oneOf('the code', Object.keys(ERROR_CODES) as ErrorCode[]);
      return { type, code, retryAfterMs: words.has('after') ? words.quantity('the pause', TIME) : undefined };
    }
    default:
      return { type };
  }
}
