// `npm run resume -- --runs 200 --seed 1`: downloads killed at random moments, some of them twice, each taken up again
// and compared byte for byte. Says what was fetched again; exits 1 when a file is wrong or more was than 2 % and what one
// sync interval carries (what a machine that others use kept the program from syncing counts besides).
import { startLink } from '../../client/demo/link-shaper.ts';
import { SYNC_MS } from '../../client/io/part-journal.ts';
import { Random } from '../simulation/random.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { readOptions, whole } from '../support/script-options.ts';
import { startWorld } from '../support/world.ts';
import { interrupt } from './interrupted.ts';

const SIZE = 24_000_000;
const MEGABITS = 64;
/** Until a program has begun to receive, and until it would be done, ms. */
const MOST_MS = 3_600;

const values = readOptions('npm run resume --', {
  runs: whole(20, 'downloads to kill', 1),
  seed: whole(1, 'of the moments'),
});
const random = new Random(values.seed);
const content = objectBytes(SIZE, 7);
await using world = await startWorld({ 'a.bin': content });
const target = { port: world.origin.port };
await using near = await startLink({ target, megabitsPerSecond: MEGABITS / 2, delayMs: 5 });
await using far = await startLink({ target, megabitsPerSecond: MEGABITS / 2, delayMs: 40 });
const routes = [near, far].flatMap(({ port }, at) => ['--route', `r${at}=http://127.0.0.1:${port}`]);

let wrong = 0;
let late = 0;
let [had, again, beyond] = [0, 0, 0];
const intervalBytes = (MEGABITS * 1_000_000 * SYNC_MS) / 8 / 1_000;
for (let run = 1; run <= values.runs; run += 1) {
  const kills = random.next() < 0.25 ? 2 : 1;
  const killAfterMs = Array.from({ length: kills }, () => Math.round(random.next() * MOST_MS));
  const result = await interrupt({
    key: 'a.bin',
    content,
    output: world.output('a.bin'),
    routes,
    bytesPerSecond: (MEGABITS * 1_000_000) / 8,
    killAfterMs,
  });
  had += result.had;
  again += Math.max(0, result.fetchedAgain);
  beyond += Math.max(0, result.fetchedAgain - intervalBytes);
  const tooMuch = result.fetchedAgain - result.allowed;
  const bad = !result.right || tooMuch > result.allowedForWaiting;
  if (bad) wrong += 1;
  else if (tooMuch > 0) late += 1;
  console.log(
    `${bad ? 'WRONG' : 'right'} ${run}: killed after ${killAfterMs.join(' and ')} ms, ${JSON.stringify(result)}`,
  );
}
const percent = (bytes: number): string => `${bytes} bytes (${((100 * bytes) / Math.max(1, had)).toFixed(2)} %)`;
console.log(`${values.runs} runs, seed ${values.seed}: ${wrong} wrong, ${late} late for want of a processor`);
console.log(`of ${had} bytes on disk ${percent(again)} fetched again, ${percent(beyond)} beyond a sync interval each`);
process.exitCode = wrong === 0 ? 0 : 1;
