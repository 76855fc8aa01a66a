// Connections dialled ahead: whoever attaches gets every byte that comes from then on, each is taken once, and those that
// nobody takes are closed.
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Dial, EarlyDials } from '../../../client/io/dial.ts';
import type { DialTarget } from '../../../client/io/dial.ts';
import { objectBytes } from '../../support/object-bytes.ts';
import { refusingPort } from '../../support/servers.ts';
import { startPeer } from './raw-peer.ts';

/** How long a program loads its code on a busy machine. */
const BUSY_MS = 200;

const targetOf = (baseUrl: URL, localAddress?: string): DialTarget => ({ baseUrl, localAddress });

/** Reads everything into buffers of `room` bytes, each used again at once. */
function reader(room: number): {
  bytes: Buffer[];
  space: () => Uint8Array;
  filled: (count: number) => void;
  length: () => number;
} {
  const buffer = new Uint8Array(room);
  const bytes: Buffer[] = [];
  return {
    bytes,
    space: () => buffer,
    filled: (count) => bytes.push(Buffer.from(buffer.subarray(0, count))),
    length: () => bytes.reduce((sum, { length }) => sum + length, 0),
  };
}

describe('dial', () => {
  test('says how long it took to connect', async () => {
    await using server = await startPeer();
    const dial = new Dial(targetOf(server.url));
    expect(dial.connectMs).toBeUndefined();
    await once(dial.socket, 'connect');
    expect(dial.connectMs).toBeGreaterThan(0);
    dial.socket.destroy();
  });

  test.each([1_024, 5_000, 100_000])('a reader attached later gets every byte, in buffers of %i', async (room) => {
    await using server = await startPeer();
    const dial = new Dial(targetOf(server.url));
    const peer = await server.accept();
    await once(dial.socket, 'connect');
    const kit = reader(room);
    dial.attach(kit);
    const sent = objectBytes(300_000, 4);
    void peer.write(sent);
    peer.socket.end();
    await once(dial.socket, 'close');
    expect(kit.length()).toBe(sent.length);
    expect(Buffer.compare(Buffer.concat(kit.bytes), sent)).toBe(0);
  });
});

describe('early dials', () => {
  test('each is taken once, by who goes to the same server from the same address', async () => {
    await using server = await startPeer();
    using dials = new EarlyDials();
    dials.add(targetOf(new URL('/v1/via/eu', server.url)));
    expect(dials.take(targetOf(server.url, '127.0.0.2'))).toBeUndefined();
    expect(dials.take(targetOf(new URL('http://127.0.0.1:1')))).toBeUndefined();
    const dial = dials.take(targetOf(new URL('/v1/via/us', server.url)));
    expect(dial).toBeDefined();
    expect(dials.take(targetOf(server.url))).toBeUndefined();
    dial?.socket.destroy();
  });

  test('the time in which the program was busy is not how long it took to connect', async () => {
    await using server = await startPeer();
    using dials = new EarlyDials();
    dials.add(targetOf(server.url));
    for (const until = performance.now() + BUSY_MS; performance.now() < until; );
    const dial = dials.take(targetOf(server.url))!;
    await once(dial.socket, 'connect');
    expect(dial.connectMs).toBeGreaterThan(0);
    expect(dial.connectMs).toBeLessThan(BUSY_MS / 2);
    dial.socket.destroy();
  });

  test('two routes to one server have two connections', async () => {
    await using server = await startPeer();
    using dials = new EarlyDials();
    dials.add(targetOf(server.url));
    dials.add(targetOf(server.url));
    const [first, second] = [dials.take(targetOf(server.url)), dials.take(targetOf(server.url))];
    expect(first).toBeDefined();
    expect(second).toBeDefined();
    expect(second?.socket).not.toBe(first?.socket);
    first?.socket.destroy();
    second?.socket.destroy();
  });

  test('one that has failed is not taken, and its failure disturbs nobody', async () => {
    using dials = new EarlyDials();
    const target = targetOf(new URL(`http://127.0.0.1:${await refusingPort()}`));
    dials.add(target);
    const probe = new Dial(target);
    await once(probe.socket, 'close').catch(() => once(probe.socket, 'close'));
    await new Promise((turn) => {
      setImmediate(turn);
    });
    expect(dials.take(target)).toBeUndefined();
  });

  test('what nobody took is closed', async () => {
    await using server = await startPeer();
    {
      using dials = new EarlyDials();
      dials.add(targetOf(server.url));
      // the connection stands at the server before the client is done with it
      const peer = await server.accept();
      queueMicrotask(() => dials[Symbol.dispose]());
      expect(await peer.ended).toBeOneOf(['fin', 'ECONNRESET', 'close']);
    }
  });
});
