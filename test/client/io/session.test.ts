// The shell of a transfer against a server played by hand: what the core decides is done on the wire, what comes is told,
// and whatever breaks ends the transfer with an error. Whole transfers over real origins are tested elsewhere.
import { describe, expect, test, vi } from 'vitest';
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import type { Pins } from '../../../client/io/identity.ts';
import type { SessionObserver } from '../../../client/io/report.ts';
import { Retrieval } from '../../../client/io/retrieval.ts';
import type { Sink } from '../../../client/io/sink.ts';
import { encodeFrame, encodeFrames } from '../../../protocol/frame-writer.ts';
import type { SegmentFrame, SourceFrame } from '../../../protocol/frames.ts';
import { LEAF_BYTES } from '../../../protocol/limits.ts';
import { encodeManifest, formatRoot } from '../../../protocol/manifest.ts';
import { startPeer, UPGRADED } from './raw-peer.ts';
import type { Peer, PeerServer } from './raw-peer.ts';
import { jwsOf, SignedObject } from './signed-object.ts';

const object = new SignedObject('a', 3 * LEAF_BYTES + 5);

/** A sink that keeps the bytes, and how it ended. */
class KeptSink implements Sink {
  readonly order = 'order';
  readonly chunks: Buffer[] = [];
  end: string | undefined;

  begin = (): Promise<void> => Promise.resolve();

  put(_offset: number, bytes: Uint8Array, done: (error?: Error) => void): void {
    this.chunks.push(Buffer.from(bytes));
    done();
  }

  commit(): Promise<void> {
    this.end = 'committed';
    return Promise.resolve();
  }

  abort(): Promise<void> {
    this.end = 'aborted';
    return Promise.resolve();
  }
}

function start(servers: readonly PeerServer[], observer: SessionObserver = {}, signal?: AbortSignal, pins: Pins = {}) {
  const sink = new KeptSink();
  const routes = servers.map(({ url }, at) => ({
    name: `r${at}`,
    baseUrl: url,
    localAddress: undefined,
    authorization: undefined,
    terms: {},
    origin: '',
  }));
  const session = new Retrieval({
    key: object.key,
    routes,
    core: CORE_DEFAULTS,
    pins,
    ifChanged: 'fail',
    firstByte: 0,
    endByte: undefined,
    sink,
    observer,
    early: undefined,
  });
  const done = session.run(signal);
  // each test looks at it when its time has come
  done.catch(() => undefined);
  return { session, sink, done };
}

/** Everything that a source of the object would send at once. */
function everything(bend?: number): SourceFrame[] {
  const segments = [0, 1, 2, 3].map((index): SegmentFrame => {
    const payload = Buffer.from(object.bytes.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES));
    if (index === bend) payload[0] = (payload[0] ?? 0) ^ 1;
    return { type: 'segment', index, epoch: 1, by: 'pattern', encoding: 'identity', payload };
  });
  return [object.hello(), { type: 'proof', page: object.page(0, 64) }, ...segments];
}

async function answer(peer: Peer, frames: readonly SourceFrame[]): Promise<void> {
  await peer.head();
  await peer.write(UPGRADED, encodeFrames(frames));
}

describe('session', () => {
  test('an object that one source pushes is delivered, proven and committed', async () => {
    await using server = await startPeer();
    const { sink, done } = start([server]);
    const peer = await server.accept();
    await answer(peer, everything());
    expect(await done).toMatchObject({ bytes: object.bytes.length, wasteBytes: 0, key: 'a' });
    expect(Buffer.compare(Buffer.concat(sink.chunks), object.bytes)).toBe(0);
    expect(sink.end).toBe('committed');
    expect(await peer.ended).toBeOneOf(['fin', 'close', 'ECONNRESET']);
  });

  test('the first pattern and credit are in the request, and proofs are asked for', async () => {
    await using server = await startPeer();
    const { done } = start([server]);
    const peer = await server.accept();
    const head = await peer.head();
    expect(head).toMatch(/^GET \/v1\/segments\/a HTTP\/1\.1\r\n/);
    expect(head).toMatch(/\r\nHeddle-Channel: transfer=[0-9a-f]{32}; number=1; segment=32768\r\n/);
    expect(head).toMatch(/\r\nHeddle-First: [\w-]{20,}\r\n/);
    await peer.write(UPGRADED, encodeFrame(object.hello()));
    const prove = { type: 'prove', level: 0, first: 0, count: 4 };
    while (!peer.frames.some(({ type }) => type === 'prove')) await peer.untilFrames(peer.frames.length + 1);
    expect(peer.frames).toContainEqual(prove);
    await peer.write(encodeFrames(everything().slice(1)));
    await done;
  });

  test('a bad segment is asked for again, and its bytes are never delivered', async () => {
    await using server = await startPeer();
    const { sink, done } = start([server]);
    const peer = await server.accept();
    await answer(peer, everything(1));
    while (!peer.frames.some(({ type }) => type === 'send')) await peer.untilFrames(peer.frames.length + 1);
    const again = everything()[3] as SegmentFrame;
    await peer.write(encodeFrame({ ...again, by: 'send' }));
    expect(await done).toMatchObject({ routes: [{ corrupt: 1 }] });
    expect(Buffer.compare(Buffer.concat(sink.chunks), object.bytes)).toBe(0);
  });

  test('a route that fails for good ends the transfer with its reason, and the output is given up', async () => {
    await using server = await startPeer();
    const { sink, done } = start([server]);
    const peer = await server.accept();
    await peer.head();
    await peer.write('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
    await expect(done).rejects.toMatchObject({
      code: 'object-not-found',
      message: 'r0: no object has this key (HTTP 404)',
    });
    expect(sink.end).toBe('aborted');
    expect(sink.chunks).toEqual([]);
  });

  test('two routes that disagree about the root are an error when nothing is pinned', async () => {
    await using first = await startPeer();
    await using second = await startPeer();
    const { done } = start([first, second]);
    const other = new SignedObject('a', object.bytes.length, { seed: 2 });
    await answer(await first.accept(), [object.hello()]);
    await answer(await second.accept(), [other.hello()]);
    await expect(done).rejects.toMatchObject({ code: 'root-mismatch' });
  });

  test('a size that proved itself gives way to a larger one that does: everything starts over, nobody honest is blamed', async () => {
    await using liar = await startPeer();
    await using honest = await startPeer();
    const { sink, done } = start([liar, honest], {}, undefined, { root: formatRoot(object.root) });
    const [first, second] = await Promise.all([liar.accept(), honest.accept()]);
    // the root itself passes for the only leaf: nothing in the tree contradicts it
    const small = { ...object.manifest, size: 5 };
    const header = Buffer.from(object.signed().split('.')[0] ?? '', 'base64url');
    const manifest = jwsOf(header, encodeManifest(small), object.signer.key);
    const only = { level: 0, first: 0, nodes: object.root, path: new Uint8Array(0) };
    await answer(first, [object.hello({ size: 5, manifest, held: [] }), { type: 'proof', page: only }]);
    await answer(second, everything());
    expect(await second.ended, 'the session that believed the liar').toBe('ECONNRESET');
    const [again, right] = await Promise.all([liar.accept(), honest.accept()]);
    await answer(again, [object.hello({ size: 5, manifest, held: [] }), { type: 'proof', page: only }]);
    await answer(right, everything());
    expect(await done).toMatchObject({ bytes: object.bytes.length, routes: [{ state: 'excluded' }, { corrupt: 0 }] });
    expect(Buffer.compare(Buffer.concat(sink.chunks), object.bytes)).toBe(0);
  });

  test('an abort closes every connection by reset', async () => {
    await using server = await startPeer();
    const stop = new AbortController();
    const { sink, done } = start([server], {}, stop.signal);
    const peer = await server.accept();
    await answer(peer, [object.hello()]);
    await peer.untilFrames(1);
    stop.abort();
    await expect(done).rejects.toMatchObject({ code: 'aborted' });
    expect(await peer.ended).toBe('ECONNRESET');
    expect(sink.end).toBe('aborted');
  });

  test('given up before it began, it begins nothing that nobody would end', async () => {
    await using server = await startPeer();
    const begun = vi.spyOn(globalThis, 'setInterval');
    const ended = vi.spyOn(globalThis, 'clearInterval');
    const { done } = start([server], {}, AbortSignal.abort());
    await expect(done).rejects.toMatchObject({ code: 'aborted' });
    const timers = begun.mock.results.map(({ value }) => value as NodeJS.Timeout);
    expect(timers.filter((timer) => !ended.mock.calls.some(([cleared]) => cleared === timer))).toEqual([]);
    vi.restoreAllMocks();
  });

  test('what breaks while the decisions are carried out ends the transfer: it neither waits nor goes off elsewhere', async () => {
    await using server = await startPeer();
    const { sink, done } = start([server], { pattern: () => expect.fail('broken') });
    await expect(done).rejects.toMatchObject({ code: 'internal' });
    expect(sink.end).toBe('aborted');
  });
});
