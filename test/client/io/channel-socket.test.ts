// A channel's connection against small real servers: the request, frames at odd packet boundaries, refusals, and every
// way in which a connection ends. After the end nothing more is said.
import { setDefaultCACertificates, getCACertificates } from 'node:tls';
import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { BufferPool } from '../../../client/io/buffer-pool.ts';
import { ChannelSocket } from '../../../client/io/channel-socket.ts';
import type { ChannelTarget } from '../../../client/io/channel-socket.ts';
import { RECEIVER_LEAST_BYTES } from '../../../client/io/receiver.ts';
import type { Refusal } from '../../../client/io/refusal.ts';
import type { HeddleError } from '../../../protocol/errors.ts';
import { encodeFrame, encodeFrames } from '../../../protocol/frame-writer.ts';
import type { SegmentFrame, SourceFrame } from '../../../protocol/frames.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../../relay/tls-fixture.ts';
import { objectBytes } from '../../support/object-bytes.ts';
import { refusingPort } from '../../support/servers.ts';
import { startPeer, UPGRADED } from './raw-peer.ts';
import type { PeerServer } from './raw-peer.ts';

const SEGMENT = 32_768;
const PING = { type: 'ping', nonce: 7 } as const;
const PONG = { type: 'pong', nonce: 7, epoch: 1, queued: 0 } as const;

type Said =
  | { readonly type: 'connected'; readonly connectMs: number }
  | { readonly type: 'frame'; readonly frame: SourceFrame }
  | { readonly type: 'segment'; readonly frame: SegmentFrame }
  | { readonly type: 'closed'; readonly error: HeddleError }
  | { readonly type: 'refused'; readonly refusal: Refusal };

/** A channel whose events are kept, and can be waited for. */
class Kit {
  readonly said: Said[] = [];
  readonly pool = new BufferPool(RECEIVER_LEAST_BYTES);
  readonly channel: ChannelSocket;
  payloadBytes = 0;
  /** Called for each segment, before anything else happens. */
  onSegment: () => void = () => {};
  /** Called when the upgrade has succeeded. */
  onPassed: () => void = () => {};
  #wake: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(baseUrl: URL, more: Partial<ChannelTarget> = {}) {
    const target = { baseUrl, localAddress: undefined, authorization: undefined, ...more };
    this.channel = new ChannelSocket(target, this.pool, SEGMENT, {
      connected: (connectMs) => this.#say({ type: 'connected', connectMs }),
      passed: () => this.onPassed(),
      frame: (frame) => this.#say({ type: 'frame', frame }),
      payload: (bytes) => {
        this.payloadBytes += bytes;
      },
      segment: (frame) => {
        this.onSegment();
        this.#say({ type: 'segment', frame });
      },
      closed: (error) => this.#say({ type: 'closed', error }),
      refused: (refusal) => this.#say({ type: 'refused', refusal }),
    });
  }

  /** Waits for the first event of a type. */
  async until<Type extends Said['type']>(type: Type): Promise<Extract<Said, { readonly type: Type }>> {
    for (;;) {
      const found = this.said.find((said) => said.type === type);
      if (found !== undefined) return found as Extract<Said, { readonly type: Type }>;
      await this.#wake.promise;
    }
  }

  /** Waits until `count` frames and segments have come. */
  async untilFrames(count: number): Promise<SourceFrame[]> {
    for (;;) {
      const frames = this.said.flatMap((said) => ('frame' in said ? [said.frame] : []));
      if (frames.length >= count) return frames;
      await this.#wake.promise;
    }
  }

  open(): void {
    this.channel.open('/v1/segments/a', [['Heddle-Channel', 'x']]);
  }

  #say(said: Said): void {
    this.said.push(said);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

/** A server, a channel connected to it, and the server's end, with the request read. */
async function opened(server: PeerServer, more: Partial<ChannelTarget> = {}) {
  const kit = new Kit(server.url, more);
  const peer = await server.accept();
  await kit.until('connected');
  kit.open();
  const head = await peer.head();
  return { kit, peer, head };
}

function segmentOf(index: number, length: number): SegmentFrame {
  const payload = objectBytes(length, index + 1);
  return { type: 'segment', index, epoch: 1, by: 'pattern', encoding: 'identity', payload };
}

const turnOfTheLoop = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe('request', () => {
  test('the path is appended to the base URL, and the headers are those of an upgrade', async () => {
    await using server = await startPeer();
    const baseUrl = new URL('/v1/via/eu/', server.url);
    const { kit, head } = await opened(server, { baseUrl, authorization: 'Bearer t' });
    const [line, ...headers] = head.trimEnd().split('\r\n');
    expect(line).toBe('GET /v1/via/eu/v1/segments/a HTTP/1.1');
    expect(headers).toEqual([
      `Host: ${server.url.host}`,
      'Connection: Upgrade',
      'Upgrade: heddle/1',
      'Heddle-Channel: x',
      'Authorization: Bearer t',
    ]);
    kit.channel.close(false);
  });

  test('the time to connect is told once, before anything else', async () => {
    await using server = await startPeer();
    const { kit } = await opened(server);
    expect(kit.said).toHaveLength(1);
    expect((await kit.until('connected')).connectMs).toBeGreaterThan(0);
    kit.channel.close(false);
  });

  test.skipIf(process.platform !== 'linux')('a route may leave from an address of its own', async () => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server, { localAddress: '127.0.0.2' });
    expect(peer.socket.remoteAddress).toBe('127.0.0.2');
    kit.channel.close(false);
  });

  const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
  test.skipIf(!hasIpv6)('an IPv6 literal is a host', async () => {
    await using server = await startPeer({ host: '::1' });
    const { kit, head } = await opened(server);
    expect(head).toContain(`Host: [::1]:${server.url.port}`);
    kit.channel.close(false);
  });

  test('frames written before the 101 wait for it and leave in order', async () => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    kit.channel.write({ type: 'credit', total: 1 });
    kit.channel.write({ type: 'credit', total: 2 });
    kit.onPassed = () => kit.channel.write({ type: 'credit', total: 3 });
    await turnOfTheLoop();
    expect(peer.frames).toHaveLength(0);
    await peer.write(UPGRADED, encodeFrame(PONG));
    await kit.until('frame');
    kit.channel.write(PING);
    expect(await peer.untilFrames(4)).toEqual([
      { type: 'credit', total: 1 },
      { type: 'credit', total: 2 },
      { type: 'credit', total: 3 },
      { type: 'ping', nonce: 7 },
    ]);
    kit.channel.close(false);
  });
});

describe('frames', () => {
  test.each([[[1]], [[3, 1, 7]], [[1_000, 13]], [[100_000]]])('in packets of %j bytes are the same', async (sizes) => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    const small = sizes[0] === 1 || sizes[0] === 3;
    const sent: SourceFrame[] = [PONG, segmentOf(0, small ? 50 : SEGMENT), PONG, segmentOf(1, small ? 0 : 9_999)];
    await peer.writeIn(sizes, Buffer.concat([UPGRADED, encodeFrames(sent)]));
    const frames = await kit.untilFrames(4);
    expect(frames.map(comparable)).toEqual(sent.map(comparable));
    expect(kit.payloadBytes).toBe(small ? 50 : SEGMENT + 9_999);
    kit.channel.close(false);
  });

  test('eight megabytes of segments come through, though the buffers are few', async () => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    const segments = Array.from({ length: 256 }, (_, index) => segmentOf(index, SEGMENT));
    void peer.write(UPGRADED, encodeFrames(segments));
    expect((await kit.untilFrames(256)).map(comparable)).toEqual(segments.map(comparable));
    kit.channel.close(false);
  });
});

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
    const kit = new Kit(new URL(`http://127.0.0.1:${await refusingPort()}`));
    expect((await kit.until('closed')).error).toMatchObject({ code: 'unreachable', side: 'remote' });
    expect(kit.said.map(({ type }) => type)).toEqual(['closed']);
  });

  test('a name that does not exist', async () => {
    const kit = new Kit(new URL('http://no-such-host.invalid:80'));
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
    const kit = new Kit(server.url);
    kit.channel.close(false);
    const probe = new Kit(server.url);
    await probe.until('connected');
    await turnOfTheLoop();
    expect(kit.said).toEqual([]);
    probe.channel.close(false);
  });

  test('from within a segment: those behind it in the same read are not handed out, and no buffer is used twice', async () => {
    await using server = await startPeer();
    const { kit, peer } = await opened(server);
    const buffers = new Set<ArrayBuffer>();
    kit.onSegment = (): void => {
      kit.channel.close(false);
      for (let turn = 0; turn < 4; turn += 1) buffers.add(kit.pool.take().buffer);
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
    const reused = Array.from({ length: 8 }, () => kit.pool.take().fill(0xee));
    await Promise.race([writing, peer.ended]);
    await peer.ended;
    await turnOfTheLoop();
    for (const buffer of reused) expect(buffer.every((byte) => byte === 0xee)).toBe(true);
  });
});

describe('TLS', () => {
  const tls = { cert: TEST_CERTIFICATE, key: TEST_KEY };

  test('a certificate that nobody vouches for is unreachable', async () => {
    await using server = await startPeer({ tls });
    const kit = new Kit(server.url);
    expect((await kit.until('closed')).error.code).toBe('unreachable');
    expect(kit.said).toHaveLength(1);
  });

  test('with a known certificate, frames pass as without TLS', async () => {
    const before = getCACertificates('default');
    setDefaultCACertificates([...before, TEST_CERTIFICATE]);
    try {
      await using server = await startPeer({ tls });
      const { kit, peer } = await opened(server);
      const sent = [PONG, segmentOf(0, SEGMENT), segmentOf(1, 1_000)];
      await peer.writeIn([9_999], Buffer.concat([UPGRADED, encodeFrames(sent)]));
      expect((await kit.untilFrames(3)).map(comparable)).toEqual(sent.map(comparable));
      kit.channel.close(true);
      expect(await peer.untilFrames(1)).toEqual([{ type: 'bye' }]);
    } finally {
      setDefaultCACertificates(before);
    }
  });

  test('a server without TLS is no https route', async () => {
    await using server = await startPeer();
    const url = new URL(server.url.href.replace('http:', 'https:'));
    const kit = new Kit(url);
    const peer = await server.accept();
    await peer.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    expect((await kit.until('closed')).error.code).toBe('unreachable');
  });
});

/** A frame with its payload as text. */
function comparable(frame: SourceFrame): unknown {
  return frame.type === 'segment' ? { ...frame, payload: Buffer.from(frame.payload).toString('base64') } : frame;
}
