// What a user demands of routes and of the order, with real processes: quotas and a budget are kept or refused with their
// code, and what is raised, or the ends where they go first, comes before the rest.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import { createClient } from '../../client/index.ts';
import type { Client, RouteOptions } from '../../client/index.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { heddle } from '../support/program.ts';
import { lastLine, startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const SEGMENT = 32_768;
const SIZE = 6_000_001;
const SEGMENTS = Math.ceil(SIZE / SEGMENT);
const content = objectBytes(SIZE, 61);
const owned = new AsyncDisposableStack();
let world: World;
/** Two links of 2 MB/s to the origin: a transfer over them can be caught in the middle. */
let urls: string[];

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': content }));
  const target = { port: world.origin.port };
  const links = await Promise.all([1, 2].map(() => startLink({ target, megabitsPerSecond: 16, delayMs: 2 })));
  urls = links.map((link) => `http://127.0.0.1:${owned.use(link).port}`);
});
afterAll(() => owned.disposeAsync());

/** A client whose routes are the links, with these terms. */
function clientWith(
  terms: readonly Partial<RouteOptions>[],
  more: { costBudget?: number; endsFirstBytes?: number } = {},
): Client {
  return createClient({ routes: urls.map((url, at) => ({ name: `r${at}`, url, ...terms[at] })), ...more });
}

test('heddle get --max-rate keeps all routes together to it', async () => {
  const routes = urls.flatMap((url, at) => ['--route', `r${at}=${url}`]);
  const outcome = await heddle([
    'get',
    'a.bin',
    '-o',
    world.output('slow.bin'),
    '--json',
    '--max-rate',
    '3MB/s',
    ...routes,
  ]);
  expect(outcome.code).toBe(0);
  // what is asked for before the first second is over may come in a burst
  expect(lastLine(outcome).seconds).toBeGreaterThan((0.8 * (SIZE - 500_000)) / 3e6);
});

describe('limits', () => {
  test('a quota is kept to within a segment, and the other route brings the rest', async () => {
    const { done } = clientWith([{ quotaBytes: 1_000_000 }]).download('a.bin', world.output('quota.bin'));
    const { routes } = await done;
    expect(routes[0]?.payloadBytes).toBeGreaterThan(500_000);
    expect(routes[0]?.payloadBytes).toBeLessThan(1_000_000 + SEGMENT);
    expect((await world.read('quota.bin')).equals(content)).toBe(true);
  });

  test('quotas that do not suffice are an error that names them', async () => {
    const terms = [{ quotaBytes: 1_000_000 }, { quotaBytes: 2_000_000 }];
    const { done } = clientWith(terms).download('a.bin', world.output('little.bin'));
    await expect(done).rejects.toMatchObject({
      code: 'quota-exhausted',
      message: expect.stringContaining('r0 may bring'),
    });
    expect(await world.outputs()).not.toContain('little.bin');
  });

  test('so is a budget below the price of the object', async () => {
    const client = clientWith([{ costPerGigabyte: 10 }, { costPerGigabyte: 20 }], { costBudget: 0.01 });
    const { done } = client.download('a.bin', world.output('dear.bin'));
    await expect(done).rejects.toMatchObject({ code: 'budget-exhausted', message: expect.stringContaining('0.01') });
  });

  test('a budget is spent and not exceeded beside a free route', async () => {
    const client = clientWith([{ costPerGigabyte: 10 }], { costBudget: 0.01 });
    const { routes } = await client.download('a.bin', world.output('budget.bin')).done;
    expect(routes[0]?.payloadBytes).toBeGreaterThan(0);
    expect(routes[0]?.payloadBytes).toBeLessThanOrEqual(1_000_000);
  });
});

describe('the order', () => {
  test('the last bytes come with the first', async () => {
    const order: number[] = [];
    const observer = { segment: (_channel: number, { index }: { readonly index: number }) => order.push(index) };
    const client = clientWith([], { endsFirstBytes: 2 * SEGMENT });
    await client.download('a.bin', world.output('ends.bin'), { observer }).done;
    const early = order.slice(0, 24);
    for (const index of [0, 1, SEGMENTS - 2, SEGMENTS - 1]) expect(early).toContain(index);
    expect((await world.read('ends.bin')).equals(content)).toBe(true);
  });

  test('what is raised on the way comes next', async () => {
    const order: number[] = [];
    let raisedAfter = Number.POSITIVE_INFINITY;
    const transfer = clientWith([]).download('a.bin', world.output('raised.bin'), {
      observer: {
        segment(_channel, { index }) {
          order.push(index);
          if (order.length !== 20) return;
          raisedAfter = order.length;
          transfer.raise([{ first: 5_000_000, last: 5_199_999 }]);
        },
      },
    });
    await transfer.done;
    const raised = order.flatMap((index, at) => (index >= 152 && index <= 158 ? [at] : []));
    expect(raised).toHaveLength(7);
    expect(Math.min(...raised)).toBeGreaterThanOrEqual(raisedAfter);
    // what was asked for by then still comes, and no more
    expect(Math.max(...raised)).toBeLessThan(raisedAfter + 60);
    expect((await world.read('raised.bin')).equals(content)).toBe(true);
  });
});

describe('seeking in a stream', () => {
  test('goes on at the byte, after what was handed out before', async () => {
    const transfer = clientWith([]).get('a.bin');
    const chunks: Uint8Array[] = [];
    let brokenOff = 0;
    for await (const chunk of transfer.stream) {
      chunks.push(chunk);
      if (chunks.length === 5) brokenOff = transfer.seek(5_000_000);
    }
    await transfer.done;
    expect(brokenOff).toBeGreaterThan(0);
    expect(brokenOff).toBeLessThan(5_000_000);
    const expected = Buffer.concat([content.subarray(0, brokenOff), content.subarray(5_000_000)]);
    expect(Buffer.concat(chunks).equals(expected)).toBe(true);
  });

  test('is refused where the whole is to be compared', async () => {
    const transfer = clientWith([]).get('a.bin', { checksum: `sha256:${'0'.repeat(64)}` });
    expect(() => transfer.seek(10)).toThrow('as a whole');
    await transfer.stream.cancel();
    await expect(transfer.done).rejects.toMatchObject({ code: 'aborted' });
  });
});
