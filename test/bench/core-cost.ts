// `npm run bench:core`: what the decisions cost: CPU time of the core per segment with 16 channels, and how that grows with
// the object. Prints a table, asserts nothing; every line is the best of several runs, for others use the machine too.
// Slow routes cost more per segment: what is done per tick and per pattern is shared by fewer segments.
//   npm run bench:core -- [--channels 16] [--repeat 3] [--segments 1000,10000,100000,1000000] [--rate MBIT,MBIT] [--output any|order]
import { parseArgs } from 'node:util';
import { CORE_DEFAULTS } from '../../client/core/options.ts';
import type { CoreOptions } from '../../client/core/options.ts';
import { playTransfer } from './core-cost/played-routes.ts';
import type { CoreCost, PlayedOrder } from './core-cost/played-routes.ts';

/** Mbit/s of the routes in turn, relative to --rate, and their round trips in ms: unlike each other. */
const RATES = [2, 1, 0.5, 1.5] as const;
const ROUND_TRIPS_MS = [10, 30, 60, 120] as const;
const WARMING_SEGMENTS = 20_000;
/** At the slower rates. */
const SLOW_SEGMENTS = 30_000;

const { values } = parseArgs({
  options: {
    channels: { type: 'string', default: '16' },
    repeat: { type: 'string', default: '3' },
    segments: { type: 'string', default: '1000,3000,10000,30000,100000,300000,1000000' },
    rate: { type: 'string', default: '50,20,5' },
    output: { type: 'string' },
  },
});

const channels = Number(values.channels);
const outputs = (['any', 'order'] as const).filter((output) => values.output === undefined || values.output === output);
const sizes = values.segments.split(',').map(Number);
const [first = 50, ...otherRates] = values.rate.split(',').map(Number);
for (const output of outputs) {
  console.log(`${channels} channels, output ${output}`);
  console.log('   Mbit/s  segments  µs/segment   inputs/s.  effects/s.  patterns  core share of the transfer');
  playTransfer(order(WARMING_SEGMENTS, output, first));
  for (const segments of sizes) console.log(line(segments, best(segments, output, first), first));
  for (const rate of otherRates) {
    console.log(line(SLOW_SEGMENTS, best(SLOW_SEGMENTS, output, rate), rate));
  }
}

function best(segments: number, output: CoreOptions['output'], rate: number): CoreCost {
  const runs = Array.from({ length: Number(values.repeat) }, () => playTransfer(order(segments, output, rate)));
  return runs.reduce((least, run) => (run.coreMs < least.coreMs ? run : least));
}

function order(segments: number, output: CoreOptions['output'], rate: number): PlayedOrder {
  const routes = Array.from({ length: channels }, (_, index) => ({
    rate: (RATES[index % RATES.length] ?? 1) * rate * 0.8 * 125,
    rttMs: ROUND_TRIPS_MS[index % ROUND_TRIPS_MS.length] ?? 1,
  }));
  // Every route is in use, each with one channel.
  const options = { ...CORE_DEFAULTS, output, activeRoutes: channels };
  return { segments, routes, options };
}

function line(segments: number, cost: CoreCost, rate: number): string {
  const { coreMs, inputs, effects, patterns, virtualMs } = cost;
  return [
    (rate * channels).toString().padStart(9),
    segments.toString().padStart(9),
    ((1_000 * coreMs) / segments).toFixed(2).padStart(11),
    (inputs / segments).toFixed(2).padStart(11),
    (effects / segments).toFixed(2).padStart(11),
    patterns.toString().padStart(9),
    `${((100 * coreMs) / virtualMs).toFixed(1)} %`.padStart(11),
  ].join(' ');
}
