// Stories: scenarios and what is expected of them, as text that people read. One statement per line, `#` begins a comment:
//   object 64 MB · output any|order · segment 64 KiB · reorder 8 MB · sink 20 Mbit/s · core OPTION VALUE
//   route NAME 40 Mbit/s rtt 20 ms [TRAIT …], see traits.ts
//   bottleneck NAME 60 Mbit/s [buffer 200 ms] [per client]: before the routes that lead over it
//   clients 5 every 500 ms
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
import { lineRate } from './scenario.ts';
import type { Bottleneck, RouteChange, RouteScenario, Scenario, ScenarioEvent } from './scenario.ts';
import { readRoute } from './traits.ts';
import { FRACTION, RATE, SIZE, TIME } from './units.ts';
import { Words } from './words.ts';

const BOTTLENECK_BUFFER_MS = 100;

export type Story = {
  readonly scenario: Scenario;
  readonly expectations: readonly Expectation[];
  readonly tolerated: readonly Invariant[];
};

type Draft = {
  bytes: number | undefined;
  sinkRate: number | undefined;
  readonly core: { -readonly [Name in keyof CoreOptions]?: CoreOptions[Name] };
  clients: Scenario['clients'];
  readonly routes: RouteScenario[];
  readonly bottlenecks: Bottleneck[];
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
    clients: undefined,
    routes: [],
    bottlenecks: [],
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
  const { bytes, sinkRate, core, clients, routes, bottlenecks, events, expectations, tolerated } = draft;
  if (bytes === undefined || routes.length === 0) throw new Error(`${name}: a story needs an object and routes`);
  const scenario = { name, bytes, routes, events, bottlenecks, sinkRate, core };
  return { scenario: { ...scenario, ...(clients === undefined ? {} : { clients }) }, expectations, tolerated };
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
    'clients',
    'bottleneck',
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
    case 'clients': {
      const count = words.number('the clients');
      draft.clients = { count, apartMs: words.has('every') ? words.quantity('the distance', TIME) : 0 };
      return;
    }
    case 'bottleneck':
      draft.bottlenecks.push(readBottleneck(words));
      return;
    case 'route': {
      const bottlenecks = draft.bottlenecks.map(({ name }) => name);
      draft.routes.push(readRoute(words, bottlenecks));
      return;
    }
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

function readBottleneck(words: Words): Bottleneck {
  const name = words.word('the name');
  const rateMbit = words.quantity('the rate', RATE);
  const bufferMs = words.has('buffer') ? words.quantity('the buffer', TIME) : BOTTLENECK_BUFFER_MS;
  const perClient = words.has('per');
  if (perClient && !words.has('client')) throw words.fault('"per client" is meant');
  return { name, rateMbit, bufferMs, perClient };
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
