// A channel's connection against small real servers: the request, frames at odd packet boundaries, TLS.
import { setDefaultCACertificates, getCACertificates } from 'node:tls';
import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { encodeFrame, encodeFrames } from '../../../protocol/frame-writer.ts';
import type { SourceFrame } from '../../../protocol/frames.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../../relay/tls-fixture.ts';
import { startPeer, UPGRADED } from './raw-peer.ts';
import { comparable, opened, PING, PONG, SEGMENT, segmentOf, SocketKit, turnOfTheLoop } from './socket-kit.ts';

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

describe('TLS', () => {
  const tls = { cert: TEST_CERTIFICATE, key: TEST_KEY };

  test('a certificate that nobody vouches for is unreachable', async () => {
    await using server = await startPeer({ tls });
    const kit = new SocketKit(server.url);
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
    const kit = new SocketKit(url);
    const peer = await server.accept();
    await peer.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    expect((await kit.until('closed')).error.code).toBe('unreachable');
  });
});
