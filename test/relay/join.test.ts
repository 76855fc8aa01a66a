// The joined sockets: bytes pass unchanged both ways, memory stays bounded, ends and aborts reach the other side.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { eventually, settled } from '../support/eventually.ts';
import { readStream, streamBothWays, writeStream } from './byte-stream.ts';
import { closed, openChannel } from './channel-client.ts';
import { openChain, openRelay } from './relays.ts';
import { accepting, echoing, startUpstream } from './upstream-server.ts';

const PATH = '/v1/via/main/v1/segments/a';
const MEGABYTE = 1_000_000;

/** An upstream whose accepted sockets are handed out in order. */
async function startHandingOut(first: Uint8Array = new Uint8Array()) {
  const waiting: ((socket: Socket) => void)[] = [];
  const ready: Socket[] = [];
  const server = await startUpstream({
    onUpgrade: accepting(first, (socket) => {
      const taker = waiting.shift();
      if (taker === undefined) ready.push(socket);
      else taker(socket);
    }),
  });
  const accept = async (): Promise<Socket> => {
    const socket = ready.shift();
    if (socket !== undefined) return socket;
    const { promise, resolve } = Promise.withResolvers<Socket>();
    waiting.push(resolve);
    return promise;
  };
  return { server, accept, [Symbol.asyncDispose]: () => server.close() };
}

describe('bytes', () => {
  test.each([1, 2, 3])('pass unchanged both ways at once through %i relays', async (hops) => {
    await using upstream = await startHandingOut();
    await using chain = await openChain(hops, upstream.server.url);
    using channel = await openChannel(chain.port, `${chain.prefix}/v1/segments/a`);
    const socket = await upstream.accept();
    const down = 16 * MEGABYTE + 7;
    const up = 3 * MEGABYTE + 1;
    await streamBothWays(channel, socket, { down, up });
  });

  test('64 MB in large writes arrive as they were sent', async () => {
    await using upstream = await startHandingOut();
    await using relay = await openRelay(upstream.server.url);
    using channel = await openChannel(relay.port, PATH);
    const socket = await upstream.accept();
    const [sent, got] = await Promise.all([
      writeStream(socket, 64 * MEGABYTE, 21, 200_000),
      readStream(channel.socket, 64 * MEGABYTE, 22, channel.rest()),
    ]);
    expect(got).toBe(sent);
  });

  test('single bytes cross without waiting for more', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    await using relay = await openRelay(upstream.url);
    using channel = await openChannel(relay.port, PATH);
    for (let byte = 0; byte < 50; byte += 1) {
      channel.socket.write(Uint8Array.of(byte));
      expect([...(await channel.read(1))]).toEqual([byte]);
    }
  });

  test('many sessions at once do not mix', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    await using relay = await openRelay(upstream.url);
    const total = MEGABYTE;
    const pairs = await Promise.all(
      Array.from({ length: 20 }, async (_, number) => {
        using channel = await openChannel(relay.port, PATH);
        return await Promise.all([
          writeStream(channel.socket, total, 100 + number, 60_000),
          readStream(channel.socket, total, 200 + number),
        ]);
      }),
    );
    for (const [sent, got] of pairs) expect(got).toBe(sent);
    expect(new Set(pairs.map(([sent]) => sent)).size).toBe(20);
  });
});

describe('memory', () => {
  test('a stopped client holds back the upstream, and loses nothing', async () => {
    await using upstream = await startHandingOut();
    await using relay = await openRelay(upstream.server.url);
    using channel = await openChannel(relay.port, PATH);
    const socket = await upstream.accept();
    const total = 64 * MEGABYTE;
    const writing = writeStream(socket, total, 31, 200_000);
    const accepted = await settled(() => socket.bytesWritten - socket.writableLength);
    expect(accepted).toBeLessThan(total);
    const { sessions, bufferBytes } = relay.status();
    expect(sessions[0]?.heldBytes).toBeGreaterThan(0);
    expect(sessions[0]?.peakHeldBytes).toBeLessThan(2 * MEGABYTE);
    expect(bufferBytes).toBeLessThan(2 * MEGABYTE);
    expect(await readStream(channel.socket, total, 32, channel.rest())).toBe(await writing);
    expect(relay.status().sessions[0]?.peakHeldBytes).toBeLessThan(2 * MEGABYTE);
  });

  test('an upstream that does not read holds back the client', async () => {
    await using upstream = await startHandingOut();
    await using relay = await openRelay(upstream.server.url);
    using channel = await openChannel(relay.port, PATH);
    const socket = await upstream.accept();
    socket.pause();
    const total = 64 * MEGABYTE;
    const writing = writeStream(channel.socket, total, 33, 200_000);
    const accepted = await settled(() => channel.socket.bytesWritten - channel.socket.writableLength);
    expect(accepted).toBeLessThan(total);
    expect(await readStream(socket, total, 34)).toBe(await writing);
  });

  test.each([1, 16_384, 262_144, 1_000_000])(
    'sessions that brought %i bytes and are silent hold nothing',
    async (bytes) => {
      await using upstream = await startHandingOut();
      await using relay = await openRelay(upstream.server.url, { limits: { warmConnections: 0 } });
      using channels = new DisposableStack();
      for (let count = 0; count < 10; count += 1) {
        const channel = channels.use(await openChannel(relay.port, PATH));
        const socket = await upstream.accept();
        const [sent, got] = await Promise.all([
          writeStream(socket, bytes, 41, 200_000),
          readStream(channel.socket, bytes, 42, channel.rest()),
        ]);
        expect(got).toBe(sent);
        // behind a read that was full there may be one that is not
        socket.write('last');
        await channel.read(4);
      }
      await eventually(() => relay.status().bufferBytes === 0);
      expect(relay.status().sessions).toHaveLength(10);
    },
  );

  test('buffers return when sessions are cut off', async () => {
    await using upstream = await startHandingOut();
    await using relay = await openRelay(upstream.server.url, { limits: { warmConnections: 0 } });
    const channel = await openChannel(relay.port, PATH);
    const socket = await upstream.accept();
    void writeStream(socket, 8 * MEGABYTE, 41, 200_000);
    await eventually(() => relay.status().bufferBytes > 0);
    channel.socket.resetAndDestroy();
    await eventually(() => relay.status().bufferBytes === 0 && relay.status().open === 0);
  });
});

describe('ends', () => {
  test('what the upstream wrote before its end arrives, though the client was slow', async () => {
    await using upstream = await startHandingOut();
    await using relay = await openRelay(upstream.server.url);
    using channel = await openChannel(relay.port, PATH);
    const socket = await upstream.accept();
    const total = 12 * MEGABYTE;
    const writing = writeStream(socket, total, 51, 200_000);
    await eventually(() => (relay.status().sessions[0]?.heldBytes ?? 0) > 0);
    const got = readStream(channel.socket, total, 52, channel.rest());
    const sent = await writing;
    socket.destroySoon();
    expect(await got).toBe(sent);
    await closed(socket);
    channel.socket.end();
    await eventually(() => relay.status().open === 0);
  });

  test("a client's end reaches the upstream behind what the client sent, and the answer still arrives", async () => {
    await using upstream = await startHandingOut();
    await using relay = await openRelay(upstream.server.url);
    using channel = await openChannel(relay.port, PATH);
    const socket = await upstream.accept();
    const parts: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => parts.push(chunk));
    channel.socket.end('bye');
    await once(socket, 'end');
    expect(Buffer.concat(parts).toString()).toBe('bye');
    socket.end('farewell');
    expect((await channel.readAll()).toString()).toBe('farewell');
    await eventually(() => relay.status().open === 0);
  });

  test('a side that lingers after the other has ended is cut off', async () => {
    await using upstream = await startHandingOut();
    await using relay = await openRelay(upstream.server.url, { limits: { lingerTimeoutMs: 50 } });
    using channel = await openChannel(relay.port, PATH);
    const socket = await upstream.accept();
    socket.resume();
    channel.socket.end();
    await once(socket, 'end');
    channel.socket.resume();
    await closed(channel.socket);
    await eventually(() => relay.status().open === 0);
  });

  test('a session in which nothing moves is ended', async () => {
    await using upstream = await startHandingOut();
    await using relay = await openRelay(upstream.server.url, { limits: { idleTimeoutMs: 100 } });
    using channel = await openChannel(relay.port, PATH);
    const socket = await upstream.accept();
    socket.resume();
    channel.socket.resume();
    await Promise.all([closed(socket), closed(channel.socket)]);
  });
});

describe('aborts', () => {
  test.each([1, 2, 3])('an upstream that is gone takes the client with it through %i relays', async (hops) => {
    await using upstream = await startHandingOut();
    await using chain = await openChain(hops, upstream.server.url);
    using channel = await openChannel(chain.port, `${chain.prefix}/v1/segments/a`);
    const socket = await upstream.accept();
    const errors: Error[] = [];
    channel.socket.on('error', (error) => errors.push(error));
    channel.socket.resume();
    socket.resetAndDestroy();
    await closed(channel.socket);
    expect(errors[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  test.each([1, 2, 3])('a client that is gone takes the upstream with it through %i relays', async (hops) => {
    await using upstream = await startHandingOut();
    await using chain = await openChain(hops, upstream.server.url);
    using channel = await openChannel(chain.port, `${chain.prefix}/v1/segments/a`);
    const socket = await upstream.accept();
    socket.resume();
    channel.socket.resetAndDestroy();
    await closed(socket);
    await eventually(() => chain.relays.every((relay) => relay.status().open === 0));
  });

  test('a client that vanishes in the middle of a flood stops the upstream', async () => {
    await using upstream = await startHandingOut();
    await using relay = await openRelay(upstream.server.url);
    using channel = await openChannel(relay.port, PATH);
    const socket = await upstream.accept();
    const flood = Buffer.alloc(1_048_576);
    const write = (): void => {
      while (socket.writable && socket.write(flood));
    };
    socket.on('drain', write);
    write();
    await channel.read(4 * MEGABYTE);
    channel.socket.destroy();
    await closed(socket);
    await eventually(() => relay.status().open === 0);
  });

  test('an upstream that is reset in the middle of a flood cuts the client off, stopped or not', async () => {
    await using upstream = await startHandingOut();
    await using relay = await openRelay(upstream.server.url);
    using channel = await openChannel(relay.port, PATH);
    const socket = await upstream.accept();
    const writing = writeStream(socket, 64 * MEGABYTE, 61, 200_000).catch(() => 'cut off');
    await eventually(() => (relay.status().sessions[0]?.heldBytes ?? 0) > 0);
    socket.resetAndDestroy();
    channel.socket.resume();
    await closed(channel.socket);
    await eventually(() => relay.status().open === 0);
    void writing;
  });
});
