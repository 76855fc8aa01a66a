// Command line of the simulator: many route sets drawn from seeds, one figure per line.
//   npm run simulate:random -- [--runs N] [--seed FIRST] [--draw random|clean|trouble] [--output any|order] [--threads N] [--each FILE]
// A seed of the table is replayed by: npm run simulate -- --scenario random|clean|trouble --output OUTPUT --seed SEED
import { writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { Worker } from 'node:worker_threads';
import { anyText, oneOf, readOptions, whole } from '../support/script-options.ts';
import { campaignLines } from './measure/campaign.ts';
import type { CampaignOrder, SeedResult } from './measure/campaign.ts';
import { DRAWS } from './scenario/random-scenario.ts';

const TITLES = { random: 'steady', clean: 'steady lossless', trouble: 'troubled' } as const;

const values = readOptions('npm run simulate:random --', {
  runs: whole(1_000, 'so many route sets, each of the next seed', 1),
  seed: whole(1, 'the first seed'),
  draw: oneOf(DRAWS, 'what is drawn; random if not said'),
  output: oneOf(['any', 'order'], 'one of both only'),
  threads: whole(idleCores(), 'that play them', 1),
  each: anyText('FILE', undefined, 'a line of JSON for each run'),
});

const outputs = (['any', 'order'] as const).filter((output) => values.output === undefined || values.output === output);
const seeds = Array.from({ length: values.runs }, (_, at) => values.seed + at);
const draw = values.draw ?? 'random';
const results = await play(seeds, { outputs, draw }, values.threads);
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
  await Promise.all(Array.from({ length: Math.min(threads, all.length) }, worker));
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
  return Math.max(1, Math.floor(availableParallelism() - (loadavg()[0] ?? 0)));
}
