// What the relay's limits and those of tokens do to real sessions and requests: counted, slowed, refused, ended.
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { createIssuer, secondsFromNow } from '../protocol/access/issuer.ts';
import { eventually } from '../support/eventually.ts';
import { closed, openChannel, request } from './channel-client.ts';
import type { Channel } from './channel-client.ts';
import { openRelay } from './relays.ts';
import { accepting, echoing, startUpstream } from './upstream-server.ts';

const PATH = '/v1/via/main/v1/segments/a';
const issuer = await createIssuer();

/** An upstream that pushes without end, and answers plain requests with 4 MB. */
const pushing = {
  onUpgrade: accepting(new Uint8Array(), (socket) => {
    const chunk = Buffer.alloc(65_536);
    const push = (): void => {
      while (socket.writable && socket.write(chunk));
    };
    socket.on('drain', push);
    push();
  }),
  onRequest: (_: unknown, response: { end(body: Buffer): void }) => response.end(Buffer.alloc(4_000_000)),
};

const open = (port: number, Authorization?: string): Promise<Channel> =>
  openChannel(port, PATH, Authorization === undefined ? {} : { headers: [['Authorization', Authorization]] });

/** Reads what comes; the sum so far. */
function drained(channel: Channel): () => number {
  let bytes = channel.rest().length;
  channel.socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  channel.socket.resume();
  return () => bytes;
}

describe('sessions', () => {
  test('of one token are counted over its subject, and refused with 429 and a time to come back', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing, onRequest: (_, response) => response.end('ok') });
    await using relay = await openRelay(upstream.url, { tokenKeys: issuer.keys });
    const [first, second] = await Promise.all([1, 2].map(() => issuer.issue({ sub: 'one', maxSessions: 2 })));
    using one = await open(relay.port, first);
    using two = await open(relay.port, second);
    expect([one.head.status, two.head.status]).toEqual([101, 101]);
    using three = await open(relay.port, first);
    expect([three.head.status, three.head.headers.get('retry-after')]).toEqual([429, '2']);
    expect(three.head.headers.get('proxy-status')).toContain('connection_limit_reached');
    const plain = await request(relay.port, PATH, { headers: { Authorization: first! } });
    expect([plain.status, plain.headers['retry-after']]).toEqual([429, '2']);
    using other = await open(relay.port, await issuer.issue({ sub: 'two' }));
    expect(other.head.status).toBe(101);
    one.socket.destroy();
    await eventually(() => relay.status().open === 2);
    using again = await open(relay.port, first);
    expect(again.head.status).toBe(101);
  });

  test('have a limit for all tokens, and one in all with 503', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    const limits = { maxSessions: 2, maxSessionsPerToken: 1 };
    await using relay = await openRelay(upstream.url, { tokenKeys: issuer.keys, limits });
    using one = await open(relay.port, await issuer.issue({ sub: 'one' }));
    using more = await open(relay.port, await issuer.issue({ sub: 'one' }));
    using two = await open(relay.port, await issuer.issue({ sub: 'two' }));
    using three = await open(relay.port, await issuer.issue({ sub: 'three' }));
    expect([one, more, two, three].map(({ head }) => head.status)).toEqual([101, 429, 101, 503]);
    expect(three.head.headers.get('retry-after')).toBe('2');
  });
});

describe('bytes per second', () => {
  test('in all are kept, and two sessions and a plain request share them', async () => {
    await using upstream = await startUpstream(pushing);
    const rate = 4_000_000;
    await using relay = await openRelay(upstream.url, { limits: { maxBytesPerSecond: rate } });
    const startedAt = performance.now();
    using one = await open(relay.port);
    using two = await open(relay.port);
    const [first, second] = [drained(one), drained(two)];
    const plain = await request(relay.port, '/v1/via/main/v1/objects/a');
    const seconds = (performance.now() - startedAt) / 1_000;
    expect(plain.body.length).toBe(4_000_000);
    // a slow machine gets less, never more: the rate, a burst, and one read of each
    expect(plain.body.length + first() + second()).toBeLessThan(rate * (seconds + 0.2) + 3 * 786_432);
    await eventually(() => Math.min(first(), second()) > 3_000_000);
    expect(Math.max(first(), second()) / Math.min(first(), second())).toBeLessThan(1.6);
  });

  test('of a token hold for its sessions together, and leave others alone', async () => {
    await using upstream = await startUpstream(pushing);
    await using relay = await openRelay(upstream.url, { tokenKeys: issuer.keys });
    const rate = 1_000_000;
    const startedAt = performance.now();
    const Authorization = await issuer.issue({ sub: 'slow', maxBytesPerSecond: rate });
    using one = await open(relay.port, Authorization);
    using two = await open(relay.port, Authorization);
    using free = await open(relay.port, await issuer.issue({ sub: 'free' }));
    const [first, second, other] = [drained(one), drained(two), drained(free)];
    await eventually(() => first() + second() > 2_000_000 && other() > 50_000_000);
    const seconds = (performance.now() - startedAt) / 1_000;
    expect(first() + second()).toBeLessThan(rate * (seconds + 0.2) + 2 * 786_432);
  });
});

describe('a token', () => {
  test('whose bytes are used up ends its sessions and opens no more', async () => {
    await using upstream = await startUpstream(pushing);
    await using relay = await openRelay(upstream.url, { tokenKeys: issuer.keys });
    const Authorization = await issuer.issue({ sub: 'spent', maxBytes: 5_000_000 });
    using channel = await open(relay.port, Authorization);
    const bytes = drained(channel);
    await closed(channel.socket);
    expect(bytes()).toBeLessThan(5_000_000 + 786_432);
    using again = await open(relay.port, Authorization);
    expect(again.head.status).toBe(403);
    const plain = await request(relay.port, PATH, { headers: { Authorization } });
    expect(JSON.parse(plain.body.toString())).toMatchObject({ detail: 'the bytes of the token are used up' });
  });

  test('that expires ends a plain request as well', async () => {
    const begun = Promise.withResolvers<void>();
    await using upstream = await startUpstream({
      onRequest: (_, response) => {
        response.writeHead(200);
        response.write('first');
        begun.resolve();
      },
    });
    await using relay = await openRelay(upstream.url, { tokenKeys: issuer.keys });
    const answer = request(relay.port, PATH, {
      headers: { Authorization: await issuer.issue({ exp: secondsFromNow(2) }) },
    });
    await begun.promise;
    await expect(answer).rejects.toThrow();
    await eventually(() => relay.status().open === 0);
  });
});

test('the limits leave no session behind', async () => {
  await using upstream = await startUpstream(pushing);
  await using relay = await openRelay(upstream.url, { limits: { maxBytesPerSecond: 1_000_000 } });
  const channel = await open(relay.port);
  drained(channel);
  await once(channel.socket, 'data');
  channel.socket.destroy();
  await eventually(() => relay.status().open === 0);
});
