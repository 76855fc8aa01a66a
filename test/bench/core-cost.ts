// `npm run bench:core`: what the decisions cost: CPU time of the core per segment with 16 channels, and how that grows with
// the object. Prints a table, asserts nothing; every line is the best of several runs, for others use the machine too.
//   npm run bench:core -- [--channels 16] [--repeat 3] [--segments 1000,10000,100000,1000000] [--rate MBIT] [--output any|order]
import { parseArgs } from 'node:util';
import { CORE_DEFAULTS } from '../../client/core/options.ts';
import type { CoreOptions } from '../../client/core/options.ts';
import { playTransfer } from './core-cost/played-routes.ts';
import type { CoreCost, PlayedOrder } from './core-cost/played-routes.ts';

/** Mbit/s of the routes in turn, relative to --rate, and their round trips in ms: unlike each other. */
const RATES = [2, 1, 0.5, 1.5] as const;
const ROUND_TRIPS_MS = [10, 30, 60, 120] as const;
const WARMING_SEGMENTS = 20_000;

const { values } = parseArgs({
  options: {
    channels: { type: 'string', default: '16' },
    repeat: { type: 'string', default: '3' },
    segments: { type: 'string', default: '1000,3000,10000,30000,100000,300000,1000000' },
    rate: { type: 'string', default: '50' },
    output: { type: 'string' },
  },
});

const channels = Number(values.channels);
const outputs = (['any', 'order'] as const).filter((output) => values.output === undefined || values.output === output);
for (const output of outputs) {
  console.log(`${channels} channels of ${values.rate} Mbit/s on average, output ${output}`);
  console.log(' segments  µs/segment   inputs/s.  effects/s.  patterns  core share of the transfer');
  playTransfer(order(WARMING_SEGMENTS, output));
  for (const segments of values.segments.split(',').map(Number)) console.log(line(segments, best(segments, output)));
}

function best(segments: number, output: CoreOptions['output']): CoreCost {
  const runs = Array.from({ length: Number(values.repeat) }, () => playTransfer(order(segments, output)));
  return runs.reduce((least, run) => (run.coreMs < least.coreMs ? run : least));
}

function order(segments: number, output: CoreOptions['output']): PlayedOrder {
  const routes = Array.from({ length: channels }, (_, index) => ({
    rate: (RATES[index % RATES.length] ?? 1) * Number(values.rate) * 0.8 * 125,
    rttMs: ROUND_TRIPS_MS[index % ROUND_TRIPS_MS.length] ?? 1,
  }));
  // Every route is in use, each with one channel.
  const options = { ...CORE_DEFAULTS, output, activeRoutes: channels };
  return { segments, routes, options };
}

function line(segments: number, { coreMs, inputs, effects, patterns, virtualMs }: CoreCost): string {
  return [
    segments.toString().padStart(9),
    ((1_000 * coreMs) / segments).toFixed(2).padStart(11),
    (inputs / segments).toFixed(2).padStart(11),
    (effects / segments).toFixed(2).padStart(11),
    patterns.toString().padStart(9),
    `${((100 * coreMs) / virtualMs).toFixed(1)} %`.padStart(11),
  ].join(' ');
}
