// Shaped links over real sockets: rate, delay and set-up within what a busy machine allows (lane.test.ts has the exact
// times), bytes, ends, silence and resets exactly.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { LinkOptions, ShapedLink } from '../../client/demo/link-shaper.ts';

const RATE_TOLERANCE = 0.25;
/** How late a busy machine may be. */
const BUSY_MS = 500;
/** What Node reads from a socket at once. */
const LARGEST_READ_BYTES = 65_536;

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

describe('rate', () => {
  test('a link carries its rate, shared by its connections', async () => {
    const link = await linkTo(await target(sendForever), { megabitsPerSecond: 40, delayMs: 5 });
    const sockets = [dial(link), dial(link), dial(link)];
    const received = sockets.map(countBytes);
    await carriedDown(link, 500_000);
    expect(await rateBeside(link, 40, 4_000_000)).toBeLessThanOrEqual(RATE_TOLERANCE);
    for (const count of received) expect(count()).toBeGreaterThan(0);
  });

  test('the rate can be changed while bytes flow, each direction by itself', async () => {
    const link = await linkTo(await target(sendForever), { megabitsPerSecond: 80, delayMs: 2 });
    countBytes(dial(link));
    await carriedDown(link, 500_000);
    link.setRate({ up: 1, down: 16 });
    expect(await rateBeside(link, 16, 1_500_000)).toBeLessThanOrEqual(RATE_TOLERANCE);
  });

  test('a rate that is none is refused', async () => {
    await expect(startLink({ target: { port: 1 }, megabitsPerSecond: 0, delayMs: 0 })).rejects.toThrow('0 Mbit/s');
    await expect(startLink({ target: { port: 1 }, megabitsPerSecond: Number.NaN, delayMs: 0 })).rejects.toThrow('NaN');
  });
});

describe('delay', () => {
  test('an echo takes both ways; the first one pays the set-up as well', async () => {
    const link = await linkTo(await target(echo), { megabitsPerSecond: 100, delayMs: { up: 30, down: 50 } });
    const socket = dial(link);
    const first = await roundTrip(socket);
    const second = await roundTrip(socket);
    // Timers may be a fraction of a millisecond early against another clock, never more.
    expect(first).toBeGreaterThan(2 * 80 - 1);
    expect(second).toBeGreaterThan(80 - 1);
    expect(second).toBeLessThan(80 + BUSY_MS);
  });

  test('a target that refuses is a reset one round trip later', async () => {
    const closed = await target(echo);
    await closed.close();
    const link = await linkTo(closed, { megabitsPerSecond: 100, delayMs: 20 });
    const begun = performance.now();
    expect(await endOf(dial(link))).toBe('ECONNRESET');
    expect(performance.now() - begun).toBeGreaterThan(40 - 1);
    expect(link.connections).toBe(0);
  });
});

describe('bytes', () => {
  test('arrive whole and in order both ways, though the queue is tiny and the reader pauses', async () => {
    const link = await linkTo(await target(echo), { megabitsPerSecond: 200, delayMs: 3, queueBytes: 10_000 });
    const socket = dial(link);
    const sent = Buffer.alloc(3_000_000);
    for (let at = 0; at < sent.length; at += 4) sent.writeUInt32BE(at, at);
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => {
      received.push(chunk);
      socket.pause();
      setImmediate(() => socket.resume());
    });
    socket.end(sent);
    expect(await endOf(socket)).toBe('end');
    expect(Buffer.concat(received).equals(sent)).toBe(true);
  });

  test('a sender feels the bottleneck: the queue is bounded and the rest stays with the sender', async () => {
    const sink = await target((socket) => socket.resume());
    const link = await linkTo(sink, { megabitsPerSecond: 1, delayMs: 0, queueBytes: 30_000 });
    const socket = dial(link);
    socket.write(Buffer.alloc(64 * 1_048_576));
    await carried(link, 'up', 20_000);
    expect(link.queuedBytes.up).toBeLessThan(30_000 + LARGEST_READ_BYTES);
    expect(socket.writableLength).toBeGreaterThan(0);
  });

  test('a half close travels behind the bytes, and the answer still comes', async () => {
    const answering = await target((socket) => {
      let count = 0;
      socket.on('data', (chunk: Buffer) => (count += chunk.length));
      socket.on('end', () => socket.end(String(count)));
    });
    const link = await linkTo(answering, { megabitsPerSecond: 50, delayMs: 10 });
    const socket = dial(link);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.end(Buffer.alloc(100_000));
    expect(await endOf(socket)).toBe('end');
    expect(answer).toBe('100000');
    expect(link.connections).toBe(0);
  });

  test('a reset on one side becomes a reset on the other, behind what was sent', async () => {
    const seen = Promise.withResolvers<{ bytes: number; end: string }>();
    const watching = await target((socket) => {
      const count = countBytes(socket);
      endOf(socket).then((end) => seen.resolve({ bytes: count(), end }), seen.reject);
    });
    const link = await linkTo(watching, { megabitsPerSecond: 8, delayMs: 10 });
    const socket = dial(link);
    socket.write(Buffer.alloc(20_000));
    await carried(link, 'up', 1);
    socket.resetAndDestroy();
    expect(await seen.promise).toEqual({ bytes: 20_000, end: 'ECONNRESET' });
  });
});

describe('pause', () => {
  test('is silence both ways; afterwards everything goes on', async () => {
    const link = await linkTo(await target(echo), { megabitsPerSecond: 100, delayMs: 5 });
    const socket = dial(link);
    await roundTrip(socket);
    link.pause();
    const count = countBytes(socket);
    socket.write('silence');
    const late = dial(link);
    await once(late, 'connect');
    // A second link that is no black hole shows that time enough has passed.
    const other = dial(await linkTo(await target(echo), { megabitsPerSecond: 100, delayMs: 20 }));
    await roundTrip(other);
    expect([count(), socket.closed, late.closed, link.carriedBytes.up]).toEqual([0, false, false, 1]);
    link.resume();
    await roundTrip(late);
    await until(() => count() === 'silence'.length, socket, 'data');
  });
});

describe('kill', () => {
  test('resets both ends of every connection at once and refuses new ones, until restored', async () => {
    const ends: Promise<string>[] = [];
    const echoing = await target((socket) => {
      echo(socket);
      ends.push(endOf(socket));
    });
    const link = await linkTo(echoing, { megabitsPerSecond: 100, delayMs: 5 });
    const sockets = [dial(link), dial(link)];
    await Promise.all(sockets.map(roundTrip));
    const { port } = link;
    link.kill();
    expect(await Promise.all([...sockets.map(endOf), ...ends])).toEqual(Array.from({ length: 4 }, () => 'ECONNRESET'));
    expect(link.connections).toBe(0);
    expect(await endOf(dial(link))).toBe('ECONNREFUSED');
    await link.restore();
    expect(link.port).toBe(port);
    await roundTrip(dial(link));
  });

  test('right behind a half close leaves no socket open', async () => {
    const ended = Promise.withResolvers<string>();
    const answering = await target((socket) => {
      socket.on('data', (chunk: Buffer) => socket.write(chunk));
      // Whoever has read the end of a connection learns of its reset by writing only.
      const goOn = (): void => void socket.write('more', (error) => error ?? setImmediate(goOn));
      socket.on('end', goOn);
      endOf(socket).then(ended.resolve, ended.reject);
    });
    const link = await linkTo(answering, { megabitsPerSecond: 1_000, delayMs: 0 });
    const socket = dial(link);
    await roundTrip(socket);
    link.pause();
    socket.end('last');
    while (link.queuedBytes.up === 0) await turnOfTheLoop();
    for (let turn = 0; turn < 5; turn += 1) await turnOfTheLoop();
    // Everything is delivered by the first, in the same turn of the loop in which the second resets it.
    link.resume();
    link.kill();
    expect(await ended.promise).toMatch(/^(ECONNRESET|EPIPE)$/);
  });
});

type Target = { readonly port: number; close(): Promise<void> };

async function target(serve: (socket: Socket) => void): Promise<Target> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  stack.defer(close);
  return { port: (server.address() as AddressInfo).port, close };
}

async function linkTo({ port }: Target, options: Omit<LinkOptions, 'target'>): Promise<ShapedLink> {
  return stack.use(await startLink({ target: { port }, ...options }));
}

function dial(link: ShapedLink): Socket {
  const socket = connect({ host: link.host, port: link.port, noDelay: true });
  socket.on('error', () => undefined);
  stack.defer(() => void socket.destroy());
  return socket;
}

function echo(socket: Socket): void {
  socket.pipe(socket);
}

function sendForever(socket: Socket): void {
  const block = Buffer.alloc(262_144);
  const send = (): void => {
    while (!socket.destroyed && socket.write(block));
  };
  socket.on('drain', send).resume();
  send();
}

function countBytes(socket: Socket): () => number {
  let count = 0;
  socket.on('data', (chunk: Buffer) => (count += chunk.length));
  return () => count;
}

async function roundTrip(socket: Socket): Promise<number> {
  const begun = performance.now();
  socket.write('x');
  await once(socket, 'data');
  return performance.now() - begun;
}

/** How a socket ended: 'end', or the code of its error. */
async function endOf(socket: Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  socket.once('close', () => resolve('end'));
  return promise;
}

async function until(holds: () => boolean, socket: Socket, event: string): Promise<void> {
  while (!holds()) await once(socket, event);
}

/** How far the rate down is from `megabits`, as a fraction; a busy machine may spoil a measurement or two. */
async function rateBeside(link: ShapedLink, megabits: number, bytes: number): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 3 && best > RATE_TOLERANCE; tries += 1) {
    const before = link.carriedBytes.down;
    const begun = performance.now();
    await carriedDown(link, before + bytes);
    const measured = ((link.carriedBytes.down - before) * 8) / (performance.now() - begun) / 1_000;
    best = Math.min(best, Math.abs(measured / megabits - 1));
  }
  return best;
}

async function carriedDown(link: ShapedLink, bytes: number): Promise<void> {
  await carried(link, 'down', bytes);
}

async function carried(link: ShapedLink, way: 'up' | 'down', bytes: number): Promise<void> {
  while (link.carriedBytes[way] < bytes) await turnOfTheLoop();
}

async function turnOfTheLoop(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, 1);
  await promise;
}
