// Command line of the simulator: many route sets drawn from seeds, one figure per line.
//   npm run simulate:random -- [--runs N] [--seed FIRST] [--draw random|clean|trouble] [--output any|order] [--threads N] [--each FILE]
// A seed of the table is replayed by: npm run simulate -- --scenario random|clean|trouble --output OUTPUT --seed SEED
import { writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { campaignLines } from './measure/campaign.ts';
import type { CampaignOrder, SeedResult } from './measure/campaign.ts';
import { DRAWS } from './scenario/random-scenario.ts';

const TITLES = { random: 'steady', clean: 'steady lossless', trouble: 'troubled' } as const;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    draw: { type: 'string', default: 'random' },
    output: { type: 'string' },
    threads: { type: 'string' },
    each: { type: 'string' },
  },
});

const outputs = (['any', 'order'] as const).filter((output) => values.output === undefined || values.output === output);
const first = Number(values.seed);
const seeds = Array.from({ length: Number(values.runs) }, (_, at) => first + at);
const draw = DRAWS.find((name) => name === values.draw);
if (draw === undefined) throw new Error(`--draw ${values.draw}: ${DRAWS.join(', ')}`);
const results = await play(seeds, { outputs, draw }, Number(values.threads ?? idleCores()));
results.sort((a, b) => a.seed - b.seed);
for (const output of outputs) {
  const title = `${TITLES[draw]} route sets, output ${output}`;
  const own = results.filter((result) => result.output === output);
  console.log(campaignLines(own, title).join('\n'));
}
if (values.each !== undefined) writeFileSync(values.each, results.map((each) => `${JSON.stringify(each)}\n`).join(''));

/** Every thread asks for the next seed when it is done with one. */
async function play(all: readonly number[], order: CampaignOrder, threads: number): Promise<SeedResult[]> {
  const left = [...all];
  const played: SeedResult[] = [];
  const worker = async (): Promise<void> => {
    const thread = new Worker(new URL('campaign-worker.ts', import.meta.url), { workerData: order });
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      played.push(...(await answerOf(thread, seed)));
    }
    await thread.terminate();
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(threads, all.length)) }, worker));
  return played;
}

function answerOf(thread: Worker, seed: number): Promise<SeedResult[]> {
  const { promise, resolve, reject } = Promise.withResolvers<SeedResult[]>();
  thread.once('message', (answer: SeedResult[]) => {
    thread.off('error', reject);
    resolve(answer);
  });
  thread.once('error', reject);
  thread.postMessage(seed, []);
  return promise;
}

function idleCores(): number {
  return Math.floor(availableParallelism() - (loadavg()[0] ?? 0));
}
