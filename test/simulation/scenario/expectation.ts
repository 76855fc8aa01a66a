// What a story expects of its run, and whether a run keeps it.
import { ERROR_CODES } from '../../../protocol/errors.ts';
import type { ErrorCode } from '../../../protocol/errors.ts';
import type { Figures } from '../measure/report.ts';
import type { Run } from '../world/run.ts';
import type { Words } from './words.ts';

type Measured = { readonly unit: 'fraction' | 'percent' | 'time' | 'count'; readonly of: (figures: Figures) => number };

const NAMES = [
  'fluid',
  'ideal',
  'plain',
  'single',
  'plain-single',
  'waste',
  'by-pattern',
  'pause',
  'first-byte',
  'hedges',
  'patterns',
] as const;

type Measure = (typeof NAMES)[number];

const MEASURES: Readonly<Record<Measure, Measured>> = {
  fluid: { unit: 'fraction', of: (figures) => figures.ofFluid },
  ideal: { unit: 'fraction', of: (figures) => figures.ofIdeal },
  plain: { unit: 'fraction', of: (figures) => figures.ofPlain },
  single: { unit: 'fraction', of: (figures) => figures.ofBestSingle },
  'plain-single': { unit: 'fraction', of: (figures) => figures.ofPlainSingle },
  waste: { unit: 'percent', of: (figures) => figures.waste },
  'by-pattern': { unit: 'percent', of: (figures) => figures.byPattern },
  pause: { unit: 'time', of: (figures) => figures.pause.ms },
  'first-byte': { unit: 'time', of: (figures) => figures.firstByteMs },
  hedges: { unit: 'count', of: (figures) => figures.hedges },
  patterns: { unit: 'count', of: (figures) => figures.patterns },
};

export type Expectation =
  | { readonly type: 'done' }
  | { readonly type: 'fail'; readonly code: ErrorCode }
  | { readonly type: 'measure'; readonly measure: Measure; readonly side: 'above' | 'below'; readonly value: number }
  | { readonly type: 'share'; readonly route: number; readonly side: 'above' | 'below'; readonly value: number };

/** The rest of a line behind `expect`. */
export function parseExpectation(words: Words, names: readonly string[]): Expectation {
  const type = words.oneOf('what is expected', ['done', 'fail', 'share', ...NAMES]);
  if (type === 'done') return { type };
  if (type === 'fail') return { type, code: words.oneOf('the code', Object.keys(ERROR_CODES) as ErrorCode[]) };
  if (type === 'share') {
    if (!words.has('of')) throw words.fault('"share of" a route is meant');
    const route = names.indexOf(words.oneOf('the route', names));
    const side = words.oneOf('the side', ['above', 'below']);
    return { type, route, side, value: words.quantity('the share', { '%': 0.01 }) };
  }
  const side = words.oneOf('the side', ['above', 'below']);
  return { type: 'measure', measure: type, side, value: readValue(words, MEASURES[type].unit) };
}

/** Some of them compare with what flows carry in the model. */
export function needsFlows(expectations: readonly Expectation[]): boolean {
  return expectations.some((each) => each.type === 'measure' && each.measure !== 'fluid' && isOfTime(each.measure));
}

function isOfTime(measure: Measure): boolean {
  return MEASURES[measure].unit === 'fraction';
}

/** What `run` owes: one line per broken expectation. */
export function brokenExpectations(expectations: readonly Expectation[], run: Run, figures: Figures): string[] {
  return expectations.flatMap((expectation) => {
    const text = broken(expectation, run, figures);
    return text === undefined ? [] : [text];
  });
}

function broken(expectation: Expectation, { outcome, snapshot }: Run, figures: Figures): string | undefined {
  switch (expectation.type) {
    case 'done':
      return outcome.type === 'done' ? undefined : `failed: ${outcome.code} ${outcome.message}`;
    case 'fail':
      if (outcome.type === 'fail' && outcome.code === expectation.code) return undefined;
      return `expected to fail with ${expectation.code}, ended ${outcome.type === 'done' ? 'well' : outcome.code}`;
    case 'measure': {
      const { measure, side, value } = expectation;
      return compare(measure, MEASURES[measure].of(figures), side, value);
    }
    case 'share': {
      const share = snapshot.routes[expectation.route]?.share ?? 0;
      return compare(`share of route ${expectation.route}`, share, expectation.side, expectation.value);
    }
    default:
      return expectation satisfies never;
  }
}

function compare(what: string, actual: number, side: 'above' | 'below', value: number): string | undefined {
  const isKept = side === 'above' ? actual > value : actual < value;
  return isKept ? undefined : `${what} is ${actual.toFixed(4)}, expected ${side} ${value}`;
}

function readValue(words: Words, unit: Measured['unit']): number {
  if (unit === 'percent') return words.quantity('the value', { '%': 0.01 });
  if (unit === 'time') return words.quantity('the value', { ms: 1, s: 1_000 });
  return words.number('the value');
}
