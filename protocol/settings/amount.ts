// The kinds of settings that are numbers: sizes, times and rates, which may be written with a unit, counts, and plain
// measures. Owns the units and what a number out of bounds is told.
import type { About, Setting, SettingNode } from './setting.ts';

/** A row of a role's table of limits: default, bounds, unit and reason. */
export type Amount = {
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** `bytes`, `bytes/s`, `ms` and `s` may be written with a unit of their kind; any other word is a count of those. */
  readonly unit: string;
  readonly why: string;
  /** What else must hold. */
  readonly form?: 'leaves' | 'power of two';
};

const LEAF_BYTES = 32_768;

const SIZES: readonly (readonly [string, number])[] = [
  ['TiB', 2 ** 40],
  ['TB', 1e12],
  ['GiB', 2 ** 30],
  ['GB', 1e9],
  ['MiB', 2 ** 20],
  ['MB', 1e6],
  ['KiB', 2 ** 10],
  ['kB', 1e3],
  ['KB', 1e3],
  ['B', 1],
];

const TIMES_MS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

const RATES: readonly (readonly [string, number])[] = [
  ...SIZES.map(([name, factor]) => [`${name}/s`, factor] as const),
  ['Gbit/s', 1.25e8],
  ['Mbit/s', 1.25e5],
  ['kbit/s', 125],
];

/** Unit names of a kind of amount, largest first, each with its worth in the unit that is stored. */
function unitsOf(unit: string): readonly (readonly [string, number])[] {
  if (unit === 'bytes') return SIZES;
  if (unit === 'bytes/s') return RATES;
  if (unit === 'ms') return TIMES_MS;
  if (unit === 's') return TIMES_MS.map(([name, ms]) => [name, ms / 1_000] as const);
  return [];
}

/** The number that `text` writes, in `unit`; undefined for what is none. */
export function parseAmount(text: string, unit: string): number | undefined {
  const [, digits = '', name = ''] = /^([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]+(?:\/s)?)?$/.exec(text) ?? [];
  if (digits === '') return undefined;
  const factor = name === '' ? 1 : unitsOf(unit).find(([known]) => known === name)?.[1];
  if (factor === undefined) return undefined;
  const value = Number(digits) * factor;
  const whole = Math.round(value);
  return Math.abs(value - whole) < 1e-6 * Math.max(1, factor) && factor >= 1 ? whole : value;
}

/** The shortest way to write `value` exactly; parseAmount reads it back. */
export function formatAmount(value: number, unit: string): string {
  const fitting = unitsOf(unit).filter(([name, factor]) => name !== 'B' && value >= factor && value % factor === 0);
  const ways = fitting.map(([name, factor]) => `${value / factor}${name}`);
  const [best] = ways.toSorted((a, b) => a.length - b.length);
  return best ?? String(value);
}

/** What is wrong with `value`, as the end of a sentence, or undefined. */
export function amountFault(value: number, bounds: Amount): string | undefined {
  const { min, max, unit, form } = bounds;
  if (!Number.isSafeInteger(value) || value < min || value > max) return `must be ${boundsOf(bounds)}, not ${value}`;
  if (form === 'leaves' && value % LEAF_BYTES !== 0) return `must be a multiple of ${LEAF_BYTES} ${unit}`;
  if (form === 'power of two' && !Number.isInteger(Math.log2(value))) return 'must be a power of two';
  return undefined;
}

/** The row of a table of limits. */
export function amount(bounds: Amount): Setting<number> {
  const { value: initial, min, max, unit, why, form } = bounds;
  const expects = `${boundsOf(bounds)}${form === undefined ? '' : `, ${form === 'leaves' ? 'a multiple of 32KiB' : `a ${form}`}`}`;
  const units = unitsOf(unit).map(([name]) => name);
  const plain = { type: 'integer', minimum: min, maximum: max };
  const pattern = `^[0-9]+(\\.[0-9]+)? ?(${units.join('|')})?$`;
  return {
    why,
    initial,
    expects,
    schema: units.length === 0 ? plain : { anyOf: [plain, { type: 'string', pattern }] },
    read: (node, name, reading) => {
      const value = numberIn(node, unit);
      const fault = value === undefined ? true : amountFault(value, bounds) !== undefined;
      return fault ? reading.unexpected(node, name, expects) : value;
    },
    show: (value) => (formatAmount(value, unit) === String(value) ? value : formatAmount(value, unit)),
  };
}

/** The rows for a whole table of limits. */
export function amounts<Name extends string>(
  table: Readonly<Record<Name, Amount>>,
): Readonly<Record<Name, Setting<number>>> {
  const rows = Object.entries<Amount>(table).map(([name, bounds]) => [name, amount(bounds)]);
  return Object.fromEntries(rows) as Record<Name, Setting<number>>;
}

/** A number that need not be whole, such as a price or a latitude. */
export function measure(about: About<number> & { min: number; max: number }): Setting<number> {
  const { min, max } = about;
  const expects = `a number from ${min} to ${max}`;
  return {
    ...about,
    expects,
    schema: { type: 'number', minimum: min, maximum: max },
    read: (node, name, reading) => {
      const value = node.type === 'scalar' && typeof node.value === 'number' ? node.value : Number.NaN;
      return value >= min && value <= max ? value : reading.unexpected(node, name, expects);
    },
    show: (value) => value,
  };
}

/** A number as written: YAML's own reading would lose the digits of large ones. */
function numberIn(node: SettingNode, unit: string): number | undefined {
  if (node.type !== 'scalar' || node.value === null || typeof node.value === 'boolean') return undefined;
  return parseAmount(node.text.trim(), unit);
}

function boundsOf({ min, max, unit }: Amount): string {
  const kind =
    unit === 'bytes'
      ? 'a size'
      : unit === 'bytes/s'
        ? 'a rate'
        : unit === 'ms' || unit === 's'
          ? 'a time'
          : unit === 'count'
            ? 'a whole number'
            : `a whole number of ${unit}`;
  const bare =
    unitsOf(unit).length === 0
      ? ''
      : ` (a number without unit counts ${unit === 's' ? 'seconds' : unit === 'ms' ? 'milliseconds' : unit})`;
  return `${kind} from ${formatAmount(min, unit)} to ${formatAmount(max, unit)}${bare}`;
}
