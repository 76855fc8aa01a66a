// `npm run soak -- --transfers 2000 --seed 1`: transfers of one client in this process, over relays to an origin, a third
// of them given up at some point. At the end every process holds what it held after the first ones: files, sockets,
// timers, heap. Needs Linux and --expose-gc (the script passes it).
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, HeddleError } from '../../client/index.ts';
import type { Client } from '../../client/index.ts';
import { Random } from '../simulation/random.ts';
import { objectBytes, sha256Of } from '../support/object-bytes.ts';
import { processorWaitMs } from '../support/processor-wait.ts';
import { startProgram } from '../support/program.ts';
import { endWithMistake, readOptions, whole } from '../support/script-options.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { COLLECTING, ownVitals, vitalsOf } from './vitals.ts';
import type { Vitals } from './vitals.ts';

const SIZES = [1_000, 70_000, 900_000, 5_000_000];
const AT_ONCE = 4;
/** Transfers before the first look: by then caches and pools are as large as they get. */
const WARM_UP = 100;
/** Longest time until one is given up, ms. */
const GIVEN_UP_MS = 60;
/** How long everything may take to come to rest, ms: idle connections are kept warm for a while. */
const REST_MS = 20_000;
/** Growth of a heap that is no leak, bytes, and as a fraction: code that was compiled later, statistics, caches. */
const HEAP_BYTES = 8_388_608;
const HEAP_FRACTION = 0.2;
/** A transfer during which processes were kept from running for so long may find no route, ms. */
const STARVED_MS = 4_000;
/** Files and sockets that may come and go with warm connections. */
const SPARE = 4;

const COMMAND = 'npm run soak --';
const values = readOptions(COMMAND, {
  transfers: whole(200, 'a third of them given up', 1),
  seed: whole(1, 'of sizes and moments'),
});
if (globalThis.gc === undefined) endWithMistake(COMMAND, 'run it with npm, for it needs node --expose-gc');
const random = new Random(values.seed);
await using folder = await temporaryFolder();
await mkdir(folder.file('objects'));
const hashes: string[] = [];
for (const [at, size] of SIZES.entries()) {
  const bytes = objectBytes(size, at + 1);
  hashes.push(sha256Of(bytes));
  await writeFile(folder.file(`objects/${at}.bin`), bytes);
}

await using origin = await server('origin', '--dir', folder.file('objects'), '--state', folder.file('state'));
const upstream = `main=${origin.url}`;
await using near = await server('relay', '--insecure-open', '--upstream', upstream);
await using far = await server('relay', '--insecure-open', '--upstream', upstream);
const routes = [near, far].map(({ url }, at) => ({ name: `r${at}`, url: `${url}/v1/via/main` }));
const client = createClient({ routes });

const counts = { done: 0, givenUp: 0, starved: 0, wrong: 0 };
await transfers(WARM_UP);
const before = await allVitals();
const begun = performance.now();
await transfers(values.transfers);
const seconds = (performance.now() - begun) / 1_000;
const leaks = await atRest(before);
console.log(`${values.transfers} transfers in ${seconds.toFixed(0)} s: ${JSON.stringify(counts)}`);
for (const [name, vitals] of Object.entries(await allVitals())) {
  console.log(`${name}: ${JSON.stringify(before[name])} → ${JSON.stringify(vitals)}`);
}
for (const leak of leaks) console.log(`LEAK ${leak}`);
process.exitCode = leaks.length === 0 && counts.wrong === 0 ? 0 : 1;

async function transfers(count: number): Promise<void> {
  let left = count;
  const work = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await transfer(client, left);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** One transfer, into a file or a stream, to its end or until it is given up. */
async function transfer(from: Client, number: number): Promise<void> {
  const which = Math.floor(random.next() * SIZES.length);
  const givesUp = random.next() < 1 / 3;
  const stop = new AbortController();
  const timer = givesUp ? setTimeout(() => stop.abort(), random.next() * GIVEN_UP_MS) : undefined;
  const key = `${which}.bin`;
  const path = folder.file(`out-${number % (2 * AT_ONCE)}-${number}`);
  const hash = createHash('sha256');
  const waitedBefore = processorWaits();
  try {
    if (random.next() < 0.5) {
      await from.download(key, path, { signal: stop.signal }).done;
      hash.update(await readFile(path));
    } else {
      const { stream } = from.get(key, { signal: stop.signal });
      for await (const chunk of stream) hash.update(chunk);
    }
    counts.done += 1;
    if (hash.digest('hex') !== hashes[which]) counts.wrong += 1;
  } catch (error) {
    if (error instanceof HeddleError && error.code === 'aborted') counts.givenUp += 1;
    else if (processorWaits() - waitedBefore > STARVED_MS) counts.starved += 1;
    else {
      counts.wrong += 1;
      console.log(`${key}: ${String(error)}`);
    }
  } finally {
    clearTimeout(timer);
    for (const suffix of ['', '.part', '.part.record', '.part.lock']) await rm(path + suffix, { force: true });
  }
}

/** Of all processes together since they were started, ms. */
function processorWaits(): number {
  return [process.pid, origin.pid, near.pid, far.pid].reduce((sum, each) => sum + processorWaitMs(each), 0);
}

async function server(role: string, ...more: readonly string[]) {
  const args = [role, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', ...more];
  const program = startProgram(args, { tethered: true, nodeArguments: COLLECTING });
  const [, url = ''] = await program.said(/ on (http:\/\/127\.0\.0\.1:\d+)/);
  const [, admin = ''] = await program.said(/admin (?:on )?(http:\/\/127\.0\.0\.1:\d+)/);
  return { url, admin, pid: program.pid, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

async function allVitals(): Promise<Record<string, Vitals>> {
  return {
    client: await ownVitals(),
    origin: await vitalsOf(origin.pid, origin.admin),
    near: await vitalsOf(near.pid, near.admin),
    far: await vitalsOf(far.pid, far.admin),
  };
}

/** Waits until nothing is held that was not before; what still is after a while is a leak. */
async function atRest(first: Record<string, Vitals>): Promise<string[]> {
  const waitedBefore = processorWaits();
  const begunAt = performance.now();
  for (;;) {
    const now = await allVitals();
    const leaking = Object.entries(now).flatMap(([name, vitals]) => leaksOf(name, first[name] ?? vitals, vitals));
    if (leaking.length === 0) return [];
    if (performance.now() - begunAt > REST_MS + processorWaits() - waitedBefore) return leaking;
    await delay(500);
  }
}

function leaksOf(name: string, was: Vitals, is: Vitals): string[] {
  const found: string[] = [];
  for (const kind of ['files', 'sockets', 'timers'] as const) {
    if (is[kind] > was[kind] + SPARE) found.push(`${name}: ${was[kind]} ${kind} became ${is[kind]}`);
  }
  const most = was.heapBytes * (1 + HEAP_FRACTION) + HEAP_BYTES;
  if (!(is.heapBytes <= most)) found.push(`${name}: a heap of ${was.heapBytes} bytes became ${is.heapBytes}`);
  return found;
}
