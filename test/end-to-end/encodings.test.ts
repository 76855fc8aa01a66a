// Encoded segments over a slow shaped route: what shrinks takes fewer bytes and arrives as it is, what does not shrink costs
// nothing, and who does not want them gets none. Told by counters alone.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient } from '../../client/client.ts';
import type { ClientOptions } from '../../client/options.ts';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { SessionReport } from '../../client/io/report.ts';
import type { RunningOrigin } from '../../origin/main.ts';
import { makeWorld, metricOf, WITH_ADMIN } from '../origin/fixture.ts';
import type { World } from '../origin/fixture.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { textBytes } from '../support/text-bytes.ts';

const SIZE = 6_000_000;
const OBJECTS: Readonly<Record<string, Buffer>> = {
  'text.csv': textBytes(SIZE, 1),
  'noise.bin': objectBytes(SIZE, 1),
};

let world: World;
let origin: RunningOrigin;
beforeAll(async () => {
  world = await makeWorld(OBJECTS);
  origin = await world.start({}, WITH_ADMIN);
  await origin.indexed;
});
afterAll(() => world[Symbol.asyncDispose]());

type Fetched = { readonly report: SessionReport; readonly linkBytes: number; readonly tries: number };

/** The object over a route of 24 Mbit/s and 10 ms each way; it must be whole. */
async function fetched(key: string, options: Partial<ClientOptions> = {}): Promise<Fetched> {
  await using link = await startLink({ target: { port: origin.port }, megabitsPerSecond: 24, delayMs: 10 });
  const routes = [{ name: 'slow', url: `http://127.0.0.1:${link.port}` }];
  const before = await tries();
  const { stream, done } = createClient({ routes, ...options }).get(key);
  expect(Buffer.compare(Buffer.from(await new Response(stream).arrayBuffer()), OBJECTS[key]!)).toBe(0);
  return { report: await done, linkBytes: link.carriedBytes.down, tries: (await tries()) - before };
}

/** Segments that the origin has encoded, or tried to. */
async function tries(): Promise<number> {
  const counts = ['encoded', 'not-smaller'].map((result) =>
    metricOf(origin, `heddle_origin_encodings_total{result="${result}"}`),
  );
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

const savedByOrigin = (): Promise<number> => metricOf(origin, 'heddle_origin_encoding_saved_bytes_total');

test('what shrinks takes fewer bytes on the way; both sides know how many', async () => {
  const before = await savedByOrigin();
  const { report, linkBytes, tries: encoded } = await fetched('text.csv');
  const { savedBytes = 0, payloadBytes, corrupt } = report.routes[0] ?? {};
  expect({ payloadBytes, corrupt }).toEqual({ payloadBytes: SIZE, corrupt: 0 });
  expect(encoded).toBeGreaterThan(10);
  expect(savedBytes).toBeGreaterThan(SIZE / 4);
  // what came a second time on a busy machine was encoded a second time
  const savedAtOrigin = (await savedByOrigin()) - before;
  expect(savedAtOrigin).toBeGreaterThanOrEqual(savedBytes);
  expect(savedAtOrigin - savedBytes).toBeLessThanOrEqual(report.wasteBytes);
  // proofs and control beside it
  expect(linkBytes).toBeLessThan(SIZE - savedBytes + 0.02 * SIZE);
});

test('what does not shrink costs a few tries and no byte', async () => {
  const plain = await fetched('noise.bin', { encode: false });
  const asked = await fetched('noise.bin');
  expect(plain.tries).toBe(0);
  expect(asked.tries).toBeGreaterThan(0);
  expect(asked.tries).toBeLessThanOrEqual(4);
  expect(asked.report.routes[0]?.savedBytes).toBe(0);
  expect(asked.linkBytes).toBeLessThan(1.01 * plain.linkBytes);
});

test('who does not want it, or asks an origin that does not do it, gets plain segments', async () => {
  const unwanted = await fetched('text.csv', { encode: false });
  expect(unwanted.tries).toBe(0);
  expect(unwanted.linkBytes).toBeGreaterThan(SIZE);
  await using other = await world.start({ encodeJobs: 0 }, { stateDir: `${world.stateDir}-2` });
  await other.indexed;
  await using link = await startLink({ target: { port: other.port }, megabitsPerSecond: 24, delayMs: 10 });
  const client = createClient({ routes: [{ name: 'slow', url: `http://127.0.0.1:${link.port}` }] });
  const { stream, done } = client.get('text.csv');
  await stream.pipeTo(new WritableStream());
  expect((await done).routes[0]?.savedBytes).toBe(0);
});
