// One channel over a real connection, with reads that finish when the test says so or fail: the order of what leaves, the
// epoch that a PONG may claim, and what becomes of segments that cannot be read.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { OpenObject } from '../../origin/block-cache.ts';
import type { Loan } from '../../origin/block-loan.ts';
import type { PublishedObject } from '../../origin/catalog.ts';
import { HashIndex } from '../../origin/hash-index.ts';
import { createOriginMetrics } from '../../origin/metrics.ts';
import { resolveTuning } from '../../origin/options.ts';
import { ProofPages } from '../../origin/proof-pages.ts';
import { SegmentSender } from '../../origin/segment-sender.ts';
import { HeddleError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { segmentPrefix } from '../../protocol/frame-writer.ts';
import { LEAF_BYTES } from '../../protocol/limits.ts';
import { manifestOf } from '../../protocol/manifest.ts';
import { patternOf, RawChannel } from '../support/raw-channel.ts';
import { bytesOf, eventually } from './fixture.ts';

const SEGMENTS = 4;
const BYTES = bytesOf(SEGMENTS * LEAF_BYTES);

type Gate = PromiseWithResolvers<void>;
type Open = { channel: RawChannel; gates: Gate[]; released: () => number; closed: () => boolean };

/** A channel whose reads wait, each at its own gate. */
async function open(opened: AsyncDisposableStack): Promise<Open> {
  const server = opened.adopt(createServer(), (listening) => void listening.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  const index = opened.use(await HashIndex.open(undefined, 1));
  const version = { place: 'test/file', version: 'v' };
  const root = await index.add(version, new Uint8Array(BYTES));
  const manifest = manifestOf({ key: 'file', size: BYTES.length, root, contentType: 'application/octet-stream' });
  const object: PublishedObject = {
    key: 'file',
    ...version,
    size: BYTES.length,
    modified: 0,
    root,
    manifest,
    signed: 'a.b.c',
  };
  const gates = Array.from({ length: SEGMENTS }, () => Promise.withResolvers<void>());
  for (const { promise } of gates) promise.catch(() => {}); // a gate may break before anybody waits at it
  let released = 0;
  let closed = false;
  const borrow = async (position: number, length: number): Promise<Loan> => {
    await gates[position / LEAF_BYTES]?.promise;
    return { parts: [BYTES.subarray(position, position + length)], release: () => void (released += 1) };
  };
  const file: OpenObject = {
    size: BYTES.length,
    // each segment is a block, and so a read of its own
    blockBytes: LEAF_BYTES,
    runBytes: LEAF_BYTES,
    borrow,
    borrowFrames: async ([piece], { epoch, by }) => {
      const { position, length } = piece ?? { position: 0, length: 0 };
      const { parts, release } = await borrow(position, length);
      return { parts: [segmentPrefix(position / LEAF_BYTES, epoch, by, length), ...parts], release };
    },
    close: () => void (closed = true),
  };
  const request = { transfer: '0'.repeat(32), number: 1, segmentBytes: LEAF_BYTES, first: [] };
  const metrics = createOriginMetrics('1', false);
  const tuning = resolveTuning({});
  const sender = new SegmentSender({ socket, request, object, file, pages: new ProofPages(index, 0), metrics, tuning });
  sender.start(Buffer.from('HTTP/1.1 101 Switching Protocols\r\n\r\n'), new Uint8Array(0));
  const channel = opened.use(await RawChannel.over(client, false));
  await channel.expect('hello');
  await channel.expect('proof');
  return { channel, gates, released: () => released, closed: () => closed };
}

const credit = (total: number) => ({ type: 'credit', total }) as const;
const ping = (nonce: number) => ({ type: 'ping', nonce }) as const;
const failure = (code: ErrorCode): HeddleError => new HeddleError(code);

describe('a channel', () => {
  it('sends in the order of the decisions, whichever read ends first', async () => {
    await using opened = new AsyncDisposableStack();
    const { channel, gates, released } = await open(opened);
    channel.send(patternOf(1), credit(3), ping(1));
    expect(await channel.expect('pong')).toMatchObject({ queued: 0 });
    for (const at of [2, 1]) gates[at]?.resolve();
    channel.send(ping(2));
    // All three are decided, none has left.
    expect(await channel.expect('pong')).toMatchObject({ nonce: 2, epoch: 1, queued: 3 * (16 + LEAF_BYTES) });
    gates[0]?.resolve();
    for (const index of [0, 1, 2]) {
      const { payload } = await channel.expect('segment');
      expect(Buffer.from(payload).equals(BYTES.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES))).toBe(true);
    }
    await eventually(released).toBe(3);
  });

  it('lets no PONG confirm an epoch while something decided before it has not left', async () => {
    await using opened = new AsyncDisposableStack();
    const { channel, gates } = await open(opened);
    channel.send(patternOf(5), credit(1), ping(1));
    await channel.expect('pong');
    channel.send(patternOf(6, { cycle: [2] }), credit(2), ping(2));
    expect(await channel.expect('pong')).toMatchObject({ nonce: 2, epoch: 5 });
    gates[0]?.resolve();
    expect(await channel.expect('segment')).toMatchObject({ index: 0, epoch: 5 });
    expect(await channel.expect('idle')).toMatchObject({ epoch: 6 });
    channel.send(ping(3));
    expect(await channel.expect('pong')).toMatchObject({ nonce: 3, epoch: 6 });
  });

  it('drops a segment that cannot be read and goes on', async () => {
    await using opened = new AsyncDisposableStack();
    const { channel, gates } = await open(opened);
    gates[0]?.reject(failure('read-failed'));
    gates[1]?.resolve();
    channel.send(patternOf(1), credit(2));
    expect(await channel.expect('dropped')).toEqual({
      type: 'dropped',
      index: 0,
      epoch: 1,
      by: 'pattern',
      reason: 'read-failed',
    });
    expect(await channel.expect('segment')).toMatchObject({ index: 1 });
  });

  it('ends with ERROR when the object changed, behind what was decided before', async () => {
    await using opened = new AsyncDisposableStack();
    const { channel, gates, released, closed } = await open(opened);
    channel.send(patternOf(1), credit(4), ping(1));
    await channel.expect('pong');
    gates[1]?.reject(failure('object-changed'));
    for (const at of [3, 2, 0]) gates[at]?.resolve();
    expect(await channel.expect('segment')).toMatchObject({ index: 0 });
    expect(await channel.expect('error')).toMatchObject({ code: 'object-changed' });
    await channel.closed;
    await eventually(closed).toBe(true);
    expect(released()).toBe(3);
  });

  it('gives back what is read after the connection broke', async () => {
    await using opened = new AsyncDisposableStack();
    const { channel, gates, released, closed } = await open(opened);
    channel.send(patternOf(1), credit(4), ping(1));
    await channel.expect('pong');
    channel.destroy();
    await eventually(closed).toBe(true);
    expect(released()).toBe(0);
    for (const gate of gates) gate.resolve();
    await eventually(released).toBe(4);
  });
});
