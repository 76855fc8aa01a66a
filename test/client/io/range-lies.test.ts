// Servers that mean well and are odd, and servers that do not: what each leads to, and that no wrong byte passes.
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { answerRange, startScripted } from '../../support/mirrors.ts';
import type { AskedRange } from '../../support/mirrors.ts';
import { objectBytes } from '../../support/object-bytes.ts';
import { RangeKit, SEGMENT } from './range-kit.ts';

const SIZE = 9 * SEGMENT + 77;
const SEGMENTS = 10;
const content = objectBytes(SIZE, 11);

async function expectWhole(kit: RangeKit): Promise<void> {
  const segments = await kit.untilSegments(SEGMENTS);
  expect(kit.said.filter(({ type }) => type === 'refused' || type === 'closed')).toEqual([]);
  expect(segments.map(({ frame }) => frame.index)).toEqual(Array.from({ length: SEGMENTS }, (_, index) => index));
  expect(Buffer.concat(segments.map(({ payload }) => payload)).equals(content)).toBe(true);
}

/** A server on a bare socket: each request head that comes, as text, is answered with what `answer` says. */
async function startBare(
  answer: (head: string, socket: Socket, requests: number) => void,
): Promise<AsyncDisposable & { readonly url: string }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    let text = '';
    let requests = 0;
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        requests += 1;
        const head = text.slice(0, end);
        text = text.slice(end + 4);
        answer(head, socket, requests);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function rangeIn(head: string): { first: number; last: number } {
  const match = /range: bytes=(\d+)-(\d+)/i.exec(head);
  return { first: Number(match?.[1]), last: Math.min(Number(match?.[2]), SIZE - 1) };
}

function part(head: string, version = '1.1', more = ''): Buffer {
  const { first, last } = rangeIn(head);
  const body = content.subarray(first, last + 1);
  const lines = `HTTP/${version} 206 Partial Content\r\nContent-Length: ${body.length}\r\nContent-Range: bytes ${first}-${last}/${SIZE}\r\n${more}\r\n`;
  return Buffer.concat([Buffer.from(lines), body]);
}

describe('odd servers bring the object', () => {
  test('one that answers in chunks', async () => {
    await using server = await startScripted((_, response, range) => {
      if (range === undefined) return;
      const body = content.subarray(range.first, range.last + 1);
      const line = `bytes ${range.first}-${range.first + body.length - 1}/${SIZE}`;
      response.writeHead(206, { 'Content-Range': line, ETag: '"v1"' });
      for (let at = 0; at < body.length; at += 10_007) response.write(body.subarray(at, at + 10_007));
      response.end();
    });
    using kit = new RangeKit(server.url);
    await kit.open(100);
    await expectWhole(kit);
  });

  test('one that gives less than it is asked for', async () => {
    await using server = await startScripted((_, response, range) => {
      if (range !== undefined)
        answerRange(response, content, { ...range, last: Math.min(range.last, range.first + 40_000) });
    });
    using kit = new RangeKit(server.url);
    await kit.open(100);
    await expectWhole(kit);
  });

  test('one that speaks HTTP/1.0 and ends its body with the connection', async () => {
    await using server = await startBare((head, socket) => {
      const { first, last } = rangeIn(head);
      socket.write(`HTTP/1.0 206 OK\r\nContent-Range: bytes ${first}-${last}/${SIZE}\r\n\r\n`);
      socket.end(content.subarray(first, last + 1));
    });
    using kit = new RangeKit(server.url);
    await kit.open(100);
    await expectWhole(kit);
  });

  test('one that speaks HTTP/1.0 and keeps the connection', async () => {
    await using server = await startBare((head, socket) => {
      socket.write(part(head, '1.0', 'Connection: keep-alive\r\n'));
    });
    using kit = new RangeKit(server.url);
    await kit.open(100, [1]);
    await expectWhole(kit);
  });

  test('one that sends its bytes one by one, and hints before them', async () => {
    await using server = await startBare((head, socket) => {
      const bytes = Buffer.concat([Buffer.from('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'), part(head)]);
      for (let at = 0; at < 400; at += 1) socket.write(bytes.subarray(at, at + 1));
      socket.write(bytes.subarray(400));
    });
    using kit = new RangeKit(server.url);
    await kit.open(100);
    await expectWhole(kit);
  });

  test('one that forgets what was asked behind the present answer', async () => {
    await using server = await startBare((head, socket, requests) => {
      if (requests === 1) socket.write(part(head));
    });
    using kit = new RangeKit(server.url, { patienceMs: 20 });
    await kit.open(5, [1, 2]);
    const segments = await kit.untilSegments(5);
    expect(segments.map(({ frame }) => frame.index)).toEqual([0, 2, 4, 6, 8]);
  });

  test('one on IPv6', async () => {
    await using server = await startScripted((_, response, range) => answerRange(response, content, range), '::1');
    using kit = new RangeKit(server.url);
    await kit.open(100);
    await expectWhole(kit);
  });
});

describe('redirects', () => {
  test('are followed, and what they lead to is asked directly from then on', async () => {
    const asked: string[] = [];
    await using target = await startScripted((request, response, range) => {
      asked.push(String(request.headers.authorization));
      answerRange(response, content, range);
    });
    let redirected = 0;
    await using server = await startScripted((request, response) => {
      redirected += 1;
      expect(request.headers.authorization).toBe(`Basic ${Buffer.from('me:se cret').toString('base64')}`);
      response.writeHead(302, { Location: `${target.url}there?sig=1` }).end();
    });
    using kit = new RangeKit(server.url.replace('//', '//me:se%20cret@'));
    await kit.open(3);
    await kit.untilSegments(3);
    kit.channel.write({ type: 'credit', total: 100 });
    await expectWhole(kit);
    expect(redirected).toBe(1);
    expect(new Set(asked)).toEqual(new Set(['undefined']));
  });

  test('to a link that expires: the URL given is asked again', async () => {
    let links = 0;
    await using server = await startScripted((request, response, range) => {
      if (request.url === '/') {
        links += 1;
        response.writeHead(302, { Location: `/link${links}` }).end();
      } else if (request.url === '/link1' && range !== undefined && range.first > 0) response.writeHead(403).end();
      else answerRange(response, content, range);
    });
    using kit = new RangeKit(server.url);
    await kit.open(3);
    await kit.untilSegments(3);
    kit.channel.write({ type: 'credit', total: 100 });
    await expectWhole(kit);
    expect(links).toBe(2);
  });

  test('without end are not followed for ever', async () => {
    let asked = 0;
    await using server = await startScripted((_, response) => {
      asked += 1;
      response.writeHead(307, { Location: '/again' }).end();
    });
    using kit = new RangeKit(server.url);
    await kit.open(1);
    expect((await kit.until('refused')).refusal.text).toContain('redirects more than');
    expect(asked).toBeLessThan(10);
  });
});

type Lie = Parameters<typeof startScripted>[0];
const honest = (range: AskedRange): Record<string, string> => ({
  'Content-Range': `bytes ${range?.first}-${Math.min(range?.last ?? 0, SIZE - 1)}/${SIZE}`,
});

describe('refused', () => {
  test.each<[string, Lie, string]>([
    [
      'a Content-Range that lies about where',
      (_, response) => response.writeHead(206, { 'Content-Range': `bytes 5-9/${SIZE}` }).end('01234'),
      'were asked for',
    ],
    [
      'the whole, beside others',
      (_, response) => response.writeHead(200, { 'Content-Length': 9_000_000 }).end('x'.repeat(9_000_000)),
      'serves no ranges',
    ],
    [
      'more bytes than announced, in chunks',
      (_, response, range) => response.writeHead(206, honest(range)).end(Buffer.alloc(SIZE + 1)),
      'closed',
    ],
    [
      'fewer bytes than announced, in chunks',
      (_, response, range) => response.writeHead(206, honest(range)).end(Buffer.alloc(10)),
      'less than it announced',
    ],
    [
      'gzip',
      (_, response, range) => response.writeHead(206, { ...honest(range), 'Content-Encoding': 'gzip' }).end('x'),
      'gzip',
    ],
    ['429', (_, response) => response.writeHead(429, { 'Retry-After': '7' }).end(), '7000'],
    ['503', (_, response) => response.writeHead(503).end(), '1000'],
    ['401', (_, response) => response.writeHead(401).end(), 'refuses'],
  ])('%s', async (_, lie, expected) => {
    await using server = await startScripted(lie);
    using kit = new RangeKit(server.url);
    await kit.open(100);
    await kit.untilSegments(SEGMENTS + 1);
    const end = kit.said.findLast(({ type }) => type === 'refused' || type === 'closed');
    const { text, retryAfterMs } = end?.type === 'refused' ? end.refusal : { text: '', retryAfterMs: undefined };
    expect(`${end?.type} ${text} ${retryAfterMs}`).toContain(expected);
  });

  test('a copy that changes under way', async () => {
    let version = 1;
    await using server = await startScripted((request, response, range) => {
      if (version > 1) expect(request.headers['if-match']).toBe('"v1"');
      answerRange(response, content, range, { ETag: `"v${version}"` });
      version += 1;
    });
    using kit = new RangeKit(server.url);
    await kit.open(2);
    await kit.untilSegments(2);
    kit.channel.write({ type: 'credit', total: 100 });
    expect((await kit.until('refused')).refusal.code).toBe('object-changed');
    expect(await kit.untilSegments(2)).toHaveLength(2);
  });

  test('a connection that ends inside a body is lost, and what was whole has passed', async () => {
    await using server = await startBare((head, socket) => {
      socket.write(part(head).subarray(0, 2 * SEGMENT));
      socket.end();
    });
    using kit = new RangeKit(server.url);
    await kit.open(100);
    expect((await kit.until('closed')).error.code).toBe('connection-lost');
    expect(await kit.untilSegments(1)).toHaveLength(1);
  });

  test('a server that answers once and then hangs up on everybody is gone', async () => {
    let answered = false;
    await using server = await startBare((head, socket) => {
      if (answered) socket.destroy();
      else socket.end(part(head, '1.1', 'Connection: close\r\n'));
      answered = true;
    });
    using kit = new RangeKit(server.url);
    await kit.open(5, [1, 2]);
    expect((await kit.until('closed')).error.code).toBe('connection-lost');
  });

  test('an answer that nobody asked for', async () => {
    await using server = await startBare((head, socket) => {
      socket.write(Buffer.concat([part(head), Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')]));
    });
    using kit = new RangeKit(server.url);
    await kit.open(1);
    expect((await kit.until('refused')).refusal.text).toContain('nobody asked');
  });

  test('a server that answers nonsense', async () => {
    await using server = await startBare((_, socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n'));
    using kit = new RangeKit(server.url);
    await kit.open(1);
    expect((await kit.until('closed')).error.code).toBe('handshake-failed');
  });

  test('nobody there', async () => {
    const server = await startScripted(() => undefined);
    await server[Symbol.asyncDispose]();
    using kit = new RangeKit(server.url);
    expect((await kit.until('closed')).error.code).toBe('unreachable');
  });
});
