// Command line of the simulator: many route sets drawn from seeds, as a table.
//   npm run simulate:random -- [--runs N] [--seed FIRST] [--trouble] [--output any|order]
// A seed of the table is replayed by: npm run simulate -- --scenario random|trouble --output OUTPUT --seed SEED
import { parseArgs } from 'node:util';
import { Campaign } from './measure/campaign.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    trouble: { type: 'boolean', default: false },
    output: { type: 'string' },
  },
});

const outputs = (['any', 'order'] as const).filter((output) => values.output === undefined || values.output === output);
for (const output of outputs) {
  const campaign = new Campaign({ output, withTrouble: values.trouble });
  const first = Number(values.seed);
  for (let seed = first; seed < first + Number(values.runs); seed += 1) campaign.run(seed);
  console.log(campaign.lines().join('\n'));
}
