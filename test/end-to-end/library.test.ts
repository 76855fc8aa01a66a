// The library in the process of its user: streams and files byte for byte, what a cancelled or aborted transfer leaves open
// (nothing), how much a slow reader makes it hold (little), several transfers of one client at once, errors with codes.
import { getEventListeners } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../client/demo/link-shaper.ts';
import { createClient, HeddleError } from '../../client/index.ts';
import type { Client, Sink } from '../../client/index.ts';
import { eventually, settled } from '../support/eventually.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { refusingPort, startRelayProgram } from '../support/servers.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const SIZE = 9_000_001;
const BIG = 120_000_000;
const content = objectBytes(SIZE, 51);
const small = objectBytes(100_000, 52);
const big = objectBytes(BIG, 53);
const owned = new AsyncDisposableStack();
let world: World;
let client: Client;
/** A link of 4 MB/s: a transfer over it can be caught in the middle. */
let slow: Client;
let link: ShapedLink;

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': content, 'b/small.bin': small, 'big.bin': big }));
  const relays = await Promise.all([1, 2, 3].map(() => startRelayProgram({ main: world.origin.url })));
  const routes = relays.map((relay, at) => ({ name: `r${at}`, url: `${owned.use(relay).url}/v1/via/main` }));
  client = createClient({ routes });
  link = owned.use(await startLink({ target: { port: world.origin.port }, megabitsPerSecond: 32, delayMs: 2 }));
  slow = createClient({ routes: [{ name: 'slow', url: `http://127.0.0.1:${link.port}` }] });
});
afterAll(() => owned.disposeAsync());

describe('get', () => {
  test('streams the bytes of the object, and reports', async () => {
    const transfer = client.get('a.bin');
    const chunks: Uint8Array[] = [];
    for await (const chunk of transfer.stream) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
    const report = await transfer.done;
    expect(report).toMatchObject({ key: 'a.bin', bytes: SIZE, receivedBytes: SIZE });
    expect(report.manifest?.root).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(report.routes.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0)).toBe(SIZE);
  });

  test('streams a range of it', async () => {
    const { stream } = client.get('a.bin', { range: { first: 40_000, last: 5_000_000 } });
    const received = Buffer.from(await new Response(stream).arrayBuffer());
    expect(received.equals(content.subarray(40_000, 5_000_001))).toBe(true);
  });

  test('works as the body of a Response, and through other streams', async () => {
    const { stream } = client.get('b/small.bin');
    const halves = stream.tee().map((half) => new Response(half).arrayBuffer());
    for (const half of await Promise.all(halves)) expect(Buffer.from(half).equals(small)).toBe(true);
  });

  test('cancelled in the middle: every socket is closed, and the origin hears of it', async () => {
    const transfer = slow.get('a.bin');
    const reader = transfer.stream.getReader();
    const { value } = await reader.read();
    expect(value).toEqual(new Uint8Array(content.subarray(0, value?.length)));
    await reader.cancel('enough');
    await expect(transfer.done).rejects.toMatchObject({ name: 'HeddleError', code: 'aborted' });
    await noSocketsOpen(link);
  });

  test('left in the middle of a loop: the same', async () => {
    const transfer = slow.get('a.bin');
    for await (const chunk of transfer.stream) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    await expect(transfer.done).rejects.toMatchObject({ code: 'aborted' });
    await noSocketsOpen(link);
  });

  test('a reader that does not read holds the transfer, and its memory, back', async () => {
    const reorderBytes = 4 * 1_048_576;
    const own = createClient({ routes: [{ name: 'direct', url: world.origin.url }], reorderBytes });
    const transfer = own.get('big.bin');
    const reader = transfer.stream.getReader();
    const first = await reader.read();
    const received = await settled(() => transfer.report().receivedBytes);
    expect(received).toBeLessThan(reorderBytes + 3 * 1_048_576);
    expect(transfer.report().routes[0]?.outBytes).toBe(0);
    const chunks = [first.value ?? new Uint8Array()];
    for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value);
    expect(Buffer.concat(chunks).equals(big)).toBe(true);
    await transfer.done;
  });
});

describe('download', () => {
  test('writes the file, and nothing beside it', async () => {
    const report = await client.download('a.bin', world.output('a.bin')).done;
    expect(report.bytes).toBe(SIZE);
    expect((await world.read('a.bin')).equals(content)).toBe(true);
    expect(await world.outputs()).toEqual(['a.bin']);
  });

  test('aborted: rejects, closes everything, leaves the old file and no part', async () => {
    await writeFile(world.output('kept.bin'), 'kept');
    const stop = new AbortController();
    const observer = { segment: () => stop.abort(new Error('changed my mind')) };
    const transfer = slow.download('a.bin', world.output('kept.bin'), { signal: stop.signal, observer });
    await expect(transfer.done).rejects.toMatchObject({ code: 'aborted', cause: { message: 'changed my mind' } });
    await noSocketsOpen(link);
    expect((await world.read('kept.bin')).toString()).toBe('kept');
    expect(await world.outputs()).not.toContain('kept.bin.part');
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  test('with a signal that was aborted before: no connection is left', async () => {
    const transfer = slow.download('a.bin', world.output('never.bin'), { signal: AbortSignal.abort() });
    await expect(transfer.done).rejects.toMatchObject({ code: 'aborted' });
    await noSocketsOpen(link);
    expect(await world.outputs()).not.toContain('never.bin.part');
  });

  test('with a root that is none: refused before anything is opened', async () => {
    const target = world.output('never.bin');
    expect(() => client.download('a.bin', target, { root: 'sha256:nonsense' })).toThrow(/no root/);
    expect(await world.outputs()).not.toContain('never.bin.part');
  });
});

test('a signal that outlives many transfers collects no listeners', async () => {
  const { signal } = new AbortController();
  for (let count = 0; count < 3; count += 1) {
    await client.download('b/small.bin', world.output('small.bin'), { signal }).done;
  }
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('several transfers of one client at once do not mix', async () => {
  const [a, b, file, range] = await Promise.all([
    new Response(client.get('a.bin').stream).arrayBuffer(),
    new Response(client.get('b/small.bin').stream).arrayBuffer(),
    client.download('a.bin', world.output('at-once.bin')).done,
    new Response(client.get('a.bin', { range: { first: SIZE - 70_000 } }).stream).arrayBuffer(),
  ]);
  expect(Buffer.from(a).equals(content)).toBe(true);
  expect(Buffer.from(b).equals(small)).toBe(true);
  expect(file.bytes).toBe(SIZE);
  expect((await world.read('at-once.bin')).equals(content)).toBe(true);
  expect(Buffer.from(range).equals(content.subarray(SIZE - 70_000))).toBe(true);
});

describe('errors', () => {
  test('of the stream and of `done` are the same, with a code', async () => {
    const transfer = client.get('nothing.bin');
    await expect(new Response(transfer.stream).arrayBuffer()).rejects.toMatchObject({ code: 'object-not-found' });
    await expect(transfer.done).rejects.toBeInstanceOf(HeddleError);
    await expect(transfer.done).rejects.toMatchObject({ code: 'object-not-found' });
  });

  test('of a reader who never looks at `done` end no process', async () => {
    const { stream } = client.get('nothing.bin');
    await expect(stream.getReader().read()).rejects.toMatchObject({ code: 'object-not-found' });
  });

  test('no route works', async () => {
    const url = `http://127.0.0.1:${await refusingPort()}`;
    const own = createClient({ routes: [{ name: 'gone', url }] });
    await expect(own.download('a.bin', world.output('never.bin')).done).rejects.toMatchObject({
      code: 'no-route',
      message: expect.stringContaining('gone: unreachable') as unknown,
    });
    expect(await world.outputs()).not.toContain('never.bin.part');
  });

  test('a sink that fails ends the transfer with its error', async () => {
    const sink: Sink = {
      order: 'any',
      begin: () => Promise.resolve(),
      put: (_offset, _bytes, done) => done(new Error('no more room')),
      commit: () => Promise.resolve(),
      abort: () => Promise.resolve(),
    };
    await expect(slow.into('a.bin', sink).done).rejects.toMatchObject({ code: 'local-io', message: 'no more room' });
    await noSocketsOpen(link);
  });

  test('routes and options that make no sense are refused at once', () => {
    const routes = [{ name: 'r', url: 'http://127.0.0.1' }];
    expect(() => createClient({ routes: [] })).toThrow(HeddleError);
    expect(() => createClient({ routes: [...routes, ...routes] })).toThrow(/two routes/);
    expect(() => createClient({ routes, segmentBytes: 1_000 })).toThrow(/segmentBytes/);
    expect(() => createClient({ routes, root: 'md5:1' })).toThrow(/no root/);
    expect(() => createClient({ routes }).get('../a')).toThrow(/"\.\."/);
    expect(() => createClient({ routes }).get('a', { range: { first: 5, last: 4 } })).toThrow(/no byte range/);
  });
});

/** Waits until the link carries no connection. */
function noSocketsOpen(through: ShapedLink): Promise<void> {
  return eventually(() => through.connections === 0);
}
