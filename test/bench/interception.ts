// What interception costs: the same warm requests by plain undici over the best route, and through the interceptor over two
// routes, on shaped links. Prints medians of the time to the head, to the first byte and to the last, and holds the two
// promises: heads within 1.2 of plain, first bytes and whole small objects within one round trip more.
//   node test/bench/interception.ts [round trip in ms, default 20]
import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import { startLink } from '../../client/demo/link-shaper.ts';
import { createDispatcher } from '../../client/interceptor.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { startRelayProgram } from '../support/servers.ts';
import { startWorld } from '../support/world.ts';

type Times = { readonly head: number; readonly first: number; readonly last: number };
type Task = {
  readonly name: string;
  /** Key of the n-th request. */
  readonly key: (count: number) => string;
  readonly range?: string;
  /** Whole within one round trip more than plain. */
  readonly small?: boolean;
};

const SITE = 'http://data.example';
const MEGABITS = 100;
const WARM_UP = 4;
const COUNT = 25;
const MOST_HEAD = 1.2;
const tasks: readonly Task[] = [
  { name: '60 kB, known', key: () => 'small.bin', small: true },
  { name: '60 kB, a new one each time', key: (count) => `small${count}.bin`, small: true },
  { name: '4 MB, known', key: () => 'large.bin' },
  { name: '1 MB, a new one each time', key: (count) => `middle${count}.bin` },
  { name: '100 kB in the middle', key: () => 'large.bin', range: 'bytes=2000000-2099999' },
  { name: '1 kB in the middle', key: () => 'large.bin', range: 'bytes=3000000-3000999', small: true },
  { name: 'the last 1 kB', key: () => 'large.bin', range: 'bytes=-1000', small: true },
];

const rttMs = Number(process.argv[2] ?? 20);
const many = Array.from({ length: WARM_UP + COUNT }, (_, at) => at);
await using world = await startWorld({
  'small.bin': objectBytes(60_000, 1),
  'large.bin': objectBytes(4_000_000, 2),
  ...Object.fromEntries(many.map((at) => [`small${at}.bin`, objectBytes(60_000, 100 + at)])),
  ...Object.fromEntries(many.map((at) => [`middle${at}.bin`, objectBytes(1_000_000, 300 + at)])),
});
await using relay = await startRelayProgram({ main: world.origin.url });
const near = { target: { port: world.origin.port }, megabitsPerSecond: MEGABITS, delayMs: rttMs / 2 };
await using best = await startLink(near);
await using other = await startLink({ ...near, target: { port: relay.port }, delayMs: rttMs });
const direct = `http://127.0.0.1:${best.port}`;
const routes = [
  { name: 'best', url: direct },
  { name: 'other', url: `http://127.0.0.1:${other.port}/v1/via/main` },
];
const heddle = createDispatcher({ origins: [{ origin: SITE, routes }] });
const plain = new Agent();

let kept = true;
console.log(`round trip ${rttMs} ms, ${MEGABITS} Mbit/s each; medians of ${COUNT} warm requests, ms`);
for (const task of tasks) {
  const [expected, observed] = await measure(task);
  const extra = observed[task.small === true ? 'last' : 'first'] - expected[task.small === true ? 'last' : 'first'];
  const promises = observed.head <= MOST_HEAD * expected.head && extra <= rttMs;
  kept &&= promises;
  console.log(
    `${task.name.padEnd(28)} plain ${show(expected)}   heddle ${show(observed)}   ${promises ? '' : 'MISSED'}`,
  );
}
await Promise.all([plain.destroy(), heddle.destroy()]);
process.exitCode = kept ? 0 : 1;

/** Plain and through the interceptor by turns, so that both meet the same machine. */
async function measure({ key, range }: Task): Promise<[plain: Times, heddle: Times]> {
  const headers = range === undefined ? {} : { range };
  const all: [Times[], Times[]] = [[], []];
  for (const count of many) {
    const path = `/v1/objects/${key(count)}`;
    all[0].push(await timesOf(plain, { origin: direct, path, method: 'GET', headers }));
    all[1].push(await timesOf(heddle, { origin: SITE, path, method: 'GET', headers }));
  }
  const [expected, observed] = all.map((times) => {
    const warm = times.slice(WARM_UP);
    return { head: median(warm, 'head'), first: median(warm, 'first'), last: median(warm, 'last') };
  }) as [Times, Times];
  return [expected, observed];
}

async function timesOf(
  dispatcher: Dispatcher,
  options: Dispatcher.RequestOptions & { origin: string },
): Promise<Times> {
  const startedAt = performance.now();
  const { body } = await dispatcher.request(options);
  const head = performance.now() - startedAt;
  let first: number | undefined;
  for await (const _chunk of body) first ??= performance.now() - startedAt;
  const last = performance.now() - startedAt;
  // what the end of a transfer asked for twice is still on the link
  await new Promise((resolve) => {
    setTimeout(resolve, 2 * rttMs);
  });
  return { head, first: first ?? head, last };
}

function median(all: readonly Times[], which: keyof Times): number {
  const sorted = all.map((times) => times[which]).toSorted((one, other_) => one - other_);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function show({ head, first, last }: Times): string {
  return [head, first, last].map((ms) => ms.toFixed(1).padStart(6)).join(' ');
}
