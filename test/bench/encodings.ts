// What encoding segments brings on one shaped route: `npm run bench:encodings -- [MBIT/S [DELAY MS [MB]]]`. An object that
// shrinks and one that does not, each with and without, in turns: bytes on the link, seconds, and CPU of both sides
// together (one process, the link's own work included).
import { createClient } from '../../client/client.ts';
import { startLink } from '../../client/demo/link-shaper.ts';
import { nowhere } from '../../client/io/nowhere-sink.ts';
import { makeWorld } from '../origin/fixture.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { textBytes } from '../support/text-bytes.ts';

const ROUNDS = 3;
const [megabits = 40, delayMs = 20, megabytes = 24] = process.argv.slice(2).map(Number);
const size = megabytes * 1_000_000;

const noise = objectBytes(size, 1);
await using world = await makeWorld({ 'text.csv': textBytes(size, 1), 'noise.bin': noise });
await using origin = await world.start();
await origin.indexed;

const rows = [];
for (const key of ['text.csv', 'noise.bin']) {
  const figures = { plain: [] as Figures[], encoded: [] as Figures[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    figures.plain.push(await measured(key, false));
    figures.encoded.push(await measured(key, true));
  }
  for (const [name, each] of Object.entries(figures)) rows.push({ object: key, segments: name, ...medianOf(each) });
}
console.table(rows);

type Figures = { readonly linkBytes: number; readonly seconds: number; readonly cpuSeconds: number };

async function measured(key: string, encode: boolean): Promise<Figures> {
  await using link = await startLink({ target: { port: origin.port }, megabitsPerSecond: megabits, delayMs });
  const routes = [{ name: 'shaped', url: `http://127.0.0.1:${link.port}` }];
  const client = createClient({ routes, encode });
  const before = process.cpuUsage();
  const startedAt = performance.now();
  await client.into(key, nowhere()).done;
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(before);
  return { linkBytes: link.carriedBytes.down, seconds, cpuSeconds: (user + system) / 1e6 };
}

function medianOf(all: readonly Figures[]): Figures {
  const middle = (read: (one: Figures) => number): number =>
    Number((all.map(read).toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0).toFixed(2));
  return {
    linkBytes: middle(({ linkBytes }) => linkBytes),
    seconds: middle(({ seconds }) => seconds),
    cpuSeconds: middle(({ cpuSeconds }) => cpuSeconds),
  };
}
