// Many random route sets: runs them, keeps their figures, and tells medians, tails and the seeds to look at.
import { randomScenario, randomTrouble } from '../scenario/random-scenario.ts';
import { simulate } from '../simulated.ts';
import type { Fault } from './invariants.ts';
import type { Figures } from './report.ts';

const WORST_SHOWN = 8;
/** Below this multiple of the best single route's speed a run counts as slower: what a first handshake more may cost. */
const SLOWER = 0.98;

export type CampaignOrder = { readonly output: 'any' | 'order'; readonly withTrouble: boolean };

export type SeedResult = {
  readonly seed: number;
  readonly figures: Figures;
  readonly broken: readonly Fault[];
  /** Why there are no figures: a hang or a thrown error. */
  readonly error: string | undefined;
};

type Column = { readonly name: string; readonly of: (figures: Figures) => number; readonly isWorseHigh: boolean };

const COLUMNS: readonly Column[] = [
  { name: 'of fluid ideal', of: (figures) => figures.ofFluid, isWorseHigh: false },
  { name: 'of TCP ideal', of: (figures) => figures.ofTcp, isWorseHigh: false },
  { name: 'of best single', of: (figures) => figures.ofBestSingle, isWorseHigh: false },
  { name: 'waste', of: (figures) => figures.waste, isWorseHigh: true },
  { name: 'by pattern', of: (figures) => figures.byPattern, isWorseHigh: false },
  { name: 'pause ms', of: (figures) => figures.pause.ms, isWorseHigh: true },
];

const NOTHING: Figures = Object.freeze({
  isDone: false,
  ms: 0,
  ofFluid: 0,
  ofTcp: 0,
  ofBestSingle: 0,
  waste: 0,
  byPattern: 0,
  hedges: 0,
  patterns: 0,
  pause: { fromMs: 0, ms: 0 },
  firstByteMs: 0,
});

/** A row of seeds under one order. */
export class Campaign {
  readonly results: SeedResult[] = [];
  readonly #order: CampaignOrder;

  constructor(order: CampaignOrder) {
    this.#order = order;
  }

  run(seed: number): SeedResult {
    const result = this.#simulate(seed);
    this.results.push(result);
    return result;
  }

  /** The table, the slowest seeds, and what was broken. */
  lines(): string[] {
    const { output, withTrouble } = this.#order;
    const figures = this.results.map((result) => result.figures);
    const slower = figures.filter((figure) => figure.ofBestSingle < SLOWER).length;
    const failed = this.results.filter((result) => !result.figures.isDone);
    const broken = this.results.filter((result) => result.broken.length > 0);
    return [
      `${figures.length} ${withTrouble ? 'troubled' : 'steady'} route sets, output ${output}`,
      `${''.padEnd(16)}${['median', 'p5', 'worst'].map((name) => name.padStart(9)).join('')}   worst seeds`,
      ...COLUMNS.map((column) => this.#columnLine(column)),
      `slower than the best single route: ${slower} of ${figures.length}; not done: ${failed.length}; invariants broken: ${broken.length}`,
      ...failed.slice(0, WORST_SHOWN).map(({ seed, error }) => `seed ${seed} is not done: ${error ?? 'failed'}`),
      ...broken
        .slice(0, WORST_SHOWN)
        .map(({ seed, broken: [first] }) => `seed ${seed}: ${first?.invariant}: ${first?.text}`),
      '',
    ];
  }

  #columnLine({ name, of, isWorseHigh }: Column): string {
    const sorted = this.results.toSorted((a, b) => of(a.figures) - of(b.figures));
    if (isWorseHigh) sorted.reverse();
    const at = (fraction: number): number => {
      const result = sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))];
      return result === undefined ? 0 : of(result.figures);
    };
    const values = [at(0.5), at(0.05), at(0)].map((value) => value.toFixed(value >= 10 ? 0 : 3).padStart(9)).join('');
    const seeds = sorted.slice(0, WORST_SHOWN).map((result) => result.seed);
    return `${name.padEnd(16)}${values}   ${seeds.join(' ')}`;
  }

  #simulate(seed: number): SeedResult {
    const { output, withTrouble } = this.#order;
    const scenario = withTrouble ? randomTrouble(seed, output) : randomScenario(seed, output);
    try {
      const { run, figures, faults } = simulate(scenario, seed);
      const error = run.outcome.type === 'fail' ? run.outcome.message : undefined;
      return { seed, figures, broken: faults, error };
    } catch (error) {
      return { seed, figures: NOTHING, broken: [], error: String(error) };
    }
  }
}
