// Every way in which a channel's connection ends, against small real servers: refused, closed by one side or the other,
// lost. After the end nothing more is said.
import { describe, expect, test } from 'vitest';
import { encodeFrame, encodeFrames } from '../../../protocol/frame-writer.ts';
import { refusingPort } from '../../support/servers.ts';
import { startPeer, UPGRADED } from './raw-peer.ts';
import { opened, PING, PONG, SEGMENT, segmentOf, SocketKit, turnOfTheLoop } from './socket-kit.ts';

describe('refusals', () => {
  const problem = JSON.stringify({ code: 'unknown-upstream', detail: 'no upstream has this name' });

  test.each([
    ['with its length', `HTTP/1.1 404 Not Found\r\nContent-Length: ${problem.length}\r\n\r\n${problem}`],
    [
      'in chunks, the connection staying open',
      `HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n${problem.length.toString(16)}\r\n${problem}\r\n0\r\n\r\n`,
    ],
  ])('a problem document %s says why', async (_, answer) => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    await peer.writeIn([17], Buffer.from(answer));
    const { refusal } = await kit.until('refused');
    expect(refusal).toEqual({
      code: 'unknown-upstream',
      text: 'no upstream has this name',
      retryAfterMs: undefined,
    });
  });

  test('a problem document that ends with the connection says why', async () => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    await peer.write(`HTTP/1.1 404 Not Found\r\n\r\n${problem}`);
    peer.socket.end();
    expect((await kit.until('refused')).refusal.code).toBe('unknown-upstream');
  });

  test.each([
    ['HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: 2\r\n\r\n', 'overloaded', 2_000],
    ['HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n', 'refused', undefined],
    ['HTTP/1.1 204 No Content\r\n\r\n', 'handshake-failed', undefined],
    ['HTTP/1.1 304 Not Modified\r\n\r\n', 'handshake-failed', undefined],
  ])('%j needs no body', async (answer, code, retryAfterMs) => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    await peer.write(answer);
    expect((await kit.until('refused')).refusal).toMatchObject({ code, retryAfterMs });
  });

  test('an endless body is not waited for', async () => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    await peer.write('HTTP/1.1 404 Not Found\r\nContent-Length: 999999999\r\n\r\n');
    void peer.write(Buffer.alloc(200_000, 0x20));
    expect((await kit.until('refused')).refusal.code).toBe('object-not-found');
    expect(await peer.ended).not.toBe('fin');
  });

  test('a reset in the middle of the body still leaves the status', async () => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    await peer.write('HTTP/1.1 410 Gone\r\nContent-Length: 100\r\n\r\nhal');
    await turnOfTheLoop();
    peer.socket.resetAndDestroy();
    const end = await Promise.race([kit.until('refused'), kit.until('closed')]);
    // a reset may overtake what was written before it
    expect(end.type === 'refused' ? end.refusal.code : end.error.code).toBeOneOf([
      'object-not-found',
      'connection-lost',
    ]);
  });
});

describe('ends', () => {
  test.each([
    ['a FIN', (): void => {}, 'connection-lost'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'handshake-failed'],
    ['an endless head', `HTTP/1.1 101 X\r\n${'X-More: yyyyyyyyyyyyyyyyyyyyyyy\r\n'.repeat(2_000)}`, 'handshake-failed'],
    ['an upgrade to something else', 'HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n', 'handshake-failed'],
  ])('before the 101: %s', async (_, answer, code) => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    if (typeof answer === 'string') void peer.write(answer);
    else peer.socket.end();
    expect((await kit.until('closed')).error).toMatchObject({ code, side: 'remote' });
  });

  test.each([
    ['a FIN', undefined, 'connection-lost'],
    ['a FIN inside a segment', encodeFrame(segmentOf(0, 100)).subarray(0, 50), 'connection-lost'],
    ['a frame type of the future that must be known', Buffer.from([0x7f, 0, 0, 0]), 'unknown-frame'],
    ['a frame that breaks the grammar', Buffer.from([0x26, 0, 0, 1, 9]), 'bad-frame'],
    ['a frame for the other side', encodeFrame({ type: 'bye' }), 'bad-frame'],
    ['a segment too large', encodeFrame(segmentOf(0, SEGMENT + 1)), 'frame-too-large'],
  ])('after the 101: %s', async (_, bytes, code) => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    await peer.write(UPGRADED);
    if (bytes === undefined) peer.socket.end();
    else {
      void peer.write(bytes);
      if (code === 'connection-lost') peer.socket.end();
    }
    expect((await kit.until('closed')).error).toMatchObject({ code, side: 'remote' });
  });

  test('a reset after the 101', async () => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    await peer.write(UPGRADED, encodeFrame(PONG));
    await kit.until('frame');
    peer.socket.resetAndDestroy();
    expect((await kit.until('closed')).error).toMatchObject({ code: 'connection-lost', side: 'remote' });
  });

  test('nobody listens', async () => {
    const kit = new SocketKit(new URL(`http://127.0.0.1:${await refusingPort()}`));
    expect((await kit.until('closed')).error).toMatchObject({ code: 'unreachable', side: 'remote' });
    expect(kit.said.map(({ type }) => type)).toEqual(['closed']);
  });

  test('a name that does not exist', async () => {
    const kit = new SocketKit(new URL('http://no-such-host.invalid:80'));
    expect((await kit.until('closed')).error.code).toBe('unreachable');
  });

  test('after the end nothing is said, and what is written goes nowhere', async () => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    await peer.write(UPGRADED, Buffer.from([0x7f, 0, 0, 0]), encodeFrame(PONG));
    await kit.until('closed');
    kit.channel.write(PING);
    kit.channel.close(true);
    await peer.ended;
    await turnOfTheLoop();
    expect(kit.said.map(({ type }) => type)).toEqual(['connected', 'closed']);
  });
});

describe('closing', () => {
  test('gracefully: BYE, then FIN', async () => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    await peer.write(UPGRADED, encodeFrame(PONG));
    await kit.until('frame');
    kit.channel.write(PING);
    kit.channel.close(true);
    expect(await peer.ended).toBe('fin');
    expect(peer.frames).toEqual([{ type: 'ping', nonce: 7 }, { type: 'bye' }]);
    expect(kit.said.map(({ type }) => type)).toEqual(['connected', 'frame']);
  });

  test('at once: a reset, which no hop can take for the end of the data', async () => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    await peer.write(UPGRADED, encodeFrame(PONG));
    await kit.until('frame');
    kit.channel.close(false);
    expect(await peer.ended).toBe('ECONNRESET');
    expect(kit.said.map(({ type }) => type)).toEqual(['connected', 'frame']);
  });

  test('while it connects: nothing is ever said', async () => {
    await using server = await startPeer();
    const kit = new SocketKit(server.url);
    kit.channel.close(false);
    const probe = new SocketKit(server.url);
    await probe.until('connected');
    await turnOfTheLoop();
    expect(kit.said).toEqual([]);
    probe.channel.close(false);
  });

  test('from within a segment: those behind it in the same read are not handed out, and no buffer is used twice', async () => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    const buffers = new Set<unknown>();
    kit.onSegment = (): void => {
      kit.channel.close(false);
      for (let turn = 0; turn < 4; turn += 1) buffers.add(kit.pool.take().bytes.buffer);
    };
    await peer.write(Buffer.concat([UPGRADED, encodeFrames([0, 1, 2, 3].map((index) => segmentOf(index, 40)))]));
    const { frame } = await kit.until('segment');
    await peer.ended;
    expect(kit.said.filter(({ type }) => type === 'segment')).toHaveLength(1);
    expect(buffers.size).toBe(4);
    expect(buffers).not.toContain(frame.payload.buffer);
    expect(Buffer.compare(frame.payload, segmentOf(0, 40).payload)).toBe(0);
  });

  test('with more on its way: no buffer that is used again is written to', async () => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    await peer.write(UPGRADED, encodeFrame(PONG));
    await kit.until('frame');
    const more = encodeFrames(Array.from({ length: 200 }, (_, index) => segmentOf(index, 5_000)));
    const writing = peer.write(more);
    kit.channel.close(true);
    const reused = Array.from({ length: 8 }, () => kit.pool.take().bytes.fill(0xee));
    await Promise.race([writing, peer.ended]);
    await peer.ended;
    await turnOfTheLoop();
    for (const buffer of reused) expect(buffer.every((byte) => byte === 0xee)).toBe(true);
  });
});
