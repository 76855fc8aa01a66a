// Warm upstream connections: an upgrade takes one instead of dialling, they are replaced, renewed, given up, and never
// cost a client an error when the upstream has closed one.
import { describe, expect, test } from 'vitest';
import { LandingBuffers } from '../../relay/landing-buffers.ts';
import { dialUpstream } from '../../relay/upstream-socket.ts';
import { WarmConnections } from '../../relay/warm-connections.ts';
import { eventually } from '../support/eventually.ts';
import { openChannel } from './channel-client.ts';
import { openRelay } from './relays.ts';
import { accepting, echoing, startUpstream } from './upstream-server.ts';

const PATH = '/v1/via/main/v1/segments/a';

describe('in a relay', () => {
  test('none is opened before the first use, two after it', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    await using relay = await openRelay(upstream.url);
    expect(relay.status().warmConnections).toEqual({ main: 0 });
    expect(upstream.accepted()).toBe(0);
    using first = await openChannel(relay.port, PATH);
    expect(first.head.status).toBe(101);
    await eventually(() => relay.status().warmConnections['main'] === 2);
    expect(upstream.accepted()).toBe(3);
  });

  test('an upgrade uses one that was there before, and it is replaced', async () => {
    const ports: (number | undefined)[] = [];
    await using upstream = await startUpstream({
      onUpgrade: accepting(Buffer.from('hello'), (socket) => ports.push(socket.remotePort)),
    });
    await using relay = await openRelay(upstream.url);
    using first = await openChannel(relay.port, PATH);
    await first.read(5);
    await eventually(() => relay.status().warmConnections['main'] === 2);
    const warm = [...upstream.sockets].map((socket) => socket.remotePort);
    using second = await openChannel(relay.port, PATH);
    expect((await second.read(5)).toString()).toBe('hello');
    expect(warm).toContain(ports[1]);
    await eventually(() => relay.status().warmConnections['main'] === 2);
  });

  test('one that the upstream closed is not used', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    await using relay = await openRelay(upstream.url);
    using first = await openChannel(relay.port, PATH);
    await eventually(() => relay.status().warmConnections['main'] === 2);
    first.socket.resetAndDestroy();
    for (const socket of upstream.sockets) socket.destroy();
    using second = await openChannel(relay.port, PATH);
    second.socket.write('echo');
    expect((await second.read(4)).toString()).toBe('echo');
  });

  test('one that dies under the request is replaced by a fresh one, unseen by the client', async () => {
    let upgrades = 0;
    await using upstream = await startUpstream({
      onUpgrade: (request, socket, head) => {
        upgrades += 1;
        // The second is the first on a warm connection: as if it had been closed just before.
        if (upgrades === 2) socket.destroy();
        else echoing(request, socket, head);
      },
    });
    await using relay = await openRelay(upstream.url);
    using first = await openChannel(relay.port, PATH);
    await eventually(() => relay.status().warmConnections['main'] === 2);
    using second = await openChannel(relay.port, PATH);
    expect([first.head.status, second.head.status, upgrades]).toEqual([101, 101, 3]);
  });

  test('one that the upstream times out is renewed', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing, headersTimeoutMs: 100 });
    await using relay = await openRelay(upstream.url);
    using first = await openChannel(relay.port, PATH);
    await eventually(() => relay.status().warmConnections['main'] === 2);
    await eventually(() => relay.status().warmConnections['main'] === 0);
    await eventually(() => relay.status().warmConnections['main'] === 2);
    using second = await openChannel(relay.port, PATH);
    expect([first.head.status, second.head.status]).toEqual([101, 101]);
  });
});

describe('by their clock', () => {
  const limits = { warmConnections: 2, warmIdleMs: 50_000, warmForgetMs: 300_000 };

  async function start() {
    const upstream = await startUpstream();
    const buffers = new LandingBuffers({ bufferBudgetBytes: 1_000_000, spareBufferBytes: 0 });
    const endpoint = { host: '127.0.0.1', port: upstream.port, tls: false };
    let dials = 0;
    const warm = new WarmConnections((signal) => {
      dials += 1;
      return dialUpstream(endpoint, buffers, { timeoutMs: 5_000, signal });
    }, limits);
    return {
      warm,
      upstream,
      buffers,
      dials: () => dials,
      [Symbol.asyncDispose]: async () => {
        warm.close();
        await upstream.close();
      },
    };
  }

  test('they are renewed when they are old', async () => {
    await using started = await start();
    const { warm, dials } = started;
    expect(warm.take(0)).toBeUndefined();
    await eventually(() => warm.ready === 2);
    warm.tick(49_999);
    expect([warm.ready, dials()]).toEqual([2, 2]);
    warm.tick(50_000);
    expect([warm.ready, dials()]).toEqual([0, 4]);
    await eventually(() => warm.ready === 2);
  });

  test('they are given up when nobody has come for long, and come back with the next use', async () => {
    await using started = await start();
    const { warm, dials, buffers } = started;
    warm.take(0);
    await eventually(() => warm.ready === 2);
    warm.tick(300_000);
    expect([warm.ready, dials()]).toEqual([0, 2]);
    await eventually(() => buffers.takenBytes === 0);
    warm.take(300_001);
    await eventually(() => warm.ready === 2);
  });

  test('a dead upstream is left alone for a while', async () => {
    let dials = 0;
    const warm = new WarmConnections(async () => {
      dials += 1;
      throw new Error('dead');
    }, limits);
    warm.take(0);
    await new Promise(setImmediate);
    warm.tick(1);
    warm.tick(4_999);
    expect(dials).toBe(2);
    warm.tick(5_000);
    expect(dials).toBe(4);
  });
});
