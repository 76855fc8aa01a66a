// The plain HTTP face over real connections: bodies, ranges, conditions, errors, the list, manifests, proof pages.
import { once } from 'node:events';
import { connect } from 'node:net';
import { appendFile, symlink, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { compactVerify, importJWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../origin/sha256.ts';
import { FrameReader, SOURCE_FRAME_TYPES } from '../../protocol/frame-reader.ts';
import type { ProofPage } from '../../protocol/frames.ts';
import { HASH_BYTES, LEAF_BYTES } from '../../protocol/limits.ts';
import { checkManifestHeader, parseManifest, parseRoot } from '../../protocol/manifest.ts';
import { buildLevels, hashLeaf, nodeCountOf, verifyPage } from '../../protocol/merkle.ts';
import { bytesOf, eventually, LONG_AGO, makeWorld, metricOf, WITH_ADMIN } from './fixture.ts';

type Answer = { status: number; headers: Headers; body: Buffer };

async function get(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const response = await fetch(url, { headers, method });
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
}

/** Sends bytes as they are, without a library that tidies the path, and returns the whole answer. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.write(text);
  await once(socket, 'close');
  return Buffer.concat(parts).toString('latin1');
}

const SIZE = 1_000_000;

describe('an object', () => {
  it('is given whole, by range and by head, with the headers of its version', async () => {
    const bytes = bytesOf(SIZE);
    await using world = await makeWorld({ 'a b/ü.txt': bytes, empty: '' });
    const origin = await world.start();
    const url = `${origin.url}/v1/objects/a%20b/%C3%BC.txt`;
    const whole = await get(url);
    expect(whole.status).toBe(200);
    expect(whole.body.equals(bytes)).toBe(true);
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'content-length': String(SIZE),
      'content-type': 'text/plain; charset=utf-8',
      'accept-ranges': 'bytes',
      'last-modified': new Date(LONG_AGO * 1_000).toUTCString(),
    });
    const etag = whole.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"sha256-[0-9a-f]{64}"$/);

    const head = await get(url, { range: 'bytes=0-9' }, 'HEAD');
    expect([head.status, head.headers.get('content-length'), head.headers.get('etag')]).toEqual([
      200,
      String(SIZE),
      etag,
    ]);

    for (const [from, to] of [
      [0, 0],
      [262_143, 262_144],
      [262_144, 524_287],
      [999_999, 999_999],
      [1, 999_998],
    ] as const) {
      const part = await get(url, { range: `bytes=${from}-${to}`, 'if-range': etag });
      expect(part.status).toBe(206);
      expect(part.headers.get('content-range')).toBe(`bytes ${from}-${to}/${SIZE}`);
      expect(part.headers.get('content-length')).toBe(String(to - from + 1));
      expect(part.headers.get('etag')).toBe(etag);
      expect(part.body.equals(bytes.subarray(from, to + 1))).toBe(true);
    }
    const stale = await get(url, { range: 'bytes=0-9', 'if-range': '"other"' });
    expect([stale.status, stale.body.length]).toEqual([200, SIZE]);
    const unchanged = await get(url, { 'if-none-match': etag });
    expect([unchanged.status, unchanged.body.length, unchanged.headers.get('etag')]).toEqual([304, 0, etag]);
    const failed = await get(url, { 'if-match': '"other"' });
    expect([failed.status, JSON.parse(String(failed.body))]).toMatchObject([
      412,
      { code: 'object-changed', status: 412 },
    ]);
    const beyond = await get(url, { range: `bytes=${SIZE}-` });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${SIZE}`]);
    expect(JSON.parse(String(beyond.body))).toMatchObject({ code: 'range-not-satisfiable' });

    const empty = await get(`${origin.url}/v1/objects/empty`);
    expect([empty.status, empty.body.length, empty.headers.get('content-length')]).toEqual([200, 0, '0']);
    const nothing = await get(`${origin.url}/v1/objects/empty`, { range: 'bytes=0-' });
    expect([nothing.status, nothing.headers.get('content-range')]).toEqual([416, 'bytes */0']);
  });

  it('is given to several at once, each with bytes of its own', async () => {
    await using world = await makeWorld({ a: bytesOf(SIZE, 'a'), b: bytesOf(SIZE, 'b') });
    const origin = await world.start({ blockBytes: 65_536, cacheBytes: 16_777_216 });
    const answers = await Promise.all(
      Array.from({ length: 24 }, async (_, at) => {
        const key = at % 2 === 0 ? 'a' : 'b';
        const from = at * 1_000;
        const { body } = await get(`${origin.url}/v1/objects/${key}`, { range: `bytes=${from}-` });
        return body.equals(bytesOf(SIZE, key).subarray(from));
      }),
    );
    expect(answers).toEqual(answers.map(() => true));
  });

  it('is another object as soon as the file is another', async () => {
    await using world = await makeWorld({ file: 'one' });
    const origin = await world.start();
    const url = `${origin.url}/v1/objects/file`;
    const before = await get(url);
    await world.write('file', 'another');
    const after = await get(url);
    expect([String(before.body), String(after.body)]).toEqual(['one', 'another']);
    expect(after.headers.get('etag')).not.toBe(before.headers.get('etag'));
    const resumed = await get(url, { range: 'bytes=1-', 'if-range': before.headers.get('etag') ?? '' });
    expect([resumed.status, String(resumed.body)]).toEqual([200, 'another']);
  });

  it('breaks the connection when the file changes under a body, and never mixes two versions', async () => {
    const size = 64_000_000;
    await using world = await makeWorld({});
    const file = await world.write('file', '');
    await truncate(file, size);
    const origin = await world.start({ indexWaitMs: 60_000 }, WITH_ADMIN);
    const socket = connect(origin.port, '127.0.0.1');
    socket.write('GET /v1/objects/file HTTP/1.1\r\nHost: x\r\n\r\n');
    let received = 0;
    let strange = 0;
    let inHead = true;
    await once(socket, 'readable');
    await appendFile(file, 'x');
    socket.on('data', (chunk: Buffer) => {
      const start = inHead ? chunk.indexOf('\r\n\r\n') + 4 : 0;
      inHead = false;
      received += chunk.length - start;
      if (chunk.subarray(start).some((byte) => byte !== 0)) strange += 1;
    });
    socket.on('error', () => {});
    await once(socket, 'close');
    expect(strange).toBe(0);
    expect(received).toBeLessThan(size);
    expect(await metricOf(origin, 'heddle_origin_read_errors_total{reason="object-changed"}')).toBe(1);
  });

  it('is let go when the client leaves or stops reading', async () => {
    await using world = await makeWorld({});
    await truncate(await world.write('file', ''), 64_000_000);
    const origin = await world.start({ writeStallMs: 200, indexWaitMs: 60_000 }, WITH_ADMIN);
    for (const leave of [true, false]) {
      const socket = connect(origin.port, '127.0.0.1');
      socket.write('GET /v1/objects/file HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(socket, 'readable');
      socket.on('error', () => {});
      // Without reading on, the buffers of the kernel fill up and the origin breaks the connection.
      if (leave) socket.destroy();
      await eventually(() => metricOf(origin, 'heddle_origin_cache_held_bytes')).toBe(0);
      socket.destroy();
    }
  });
});

describe('what is not served', () => {
  it('is refused with a problem, whatever the path looks like', async () => {
    await using world = await makeWorld({ 'a/b': 'x', '.hidden': 'no' });
    await symlink('/etc', join(world.dir, 'etc'));
    const origin = await world.start();
    const rows: [string, number, string][] = [
      ['/v1/objects/none', 404, 'object-not-found'],
      ['/v1/objects/a', 404, 'object-not-found'],
      ['/v1/objects/.hidden', 404, 'object-not-found'],
      ['/v1/objects/etc/passwd', 404, 'object-not-found'],
      ['/v1/objects/../../etc/passwd', 400, 'bad-request'],
      ['/v1/objects/a/../../../etc/passwd', 400, 'bad-request'],
      ['/v1/objects/a/%2e%2e/b', 400, 'bad-request'],
      ['/v1/objects/%2e%2e%2f%2e%2e%2fetc%2fpasswd', 400, 'bad-request'],
      ['/v1/objects/a%2fb', 400, 'bad-request'],
      ['/v1/objects/a//b', 400, 'bad-request'],
      ['/v1/objects//etc/passwd', 400, 'bad-request'],
      ['/v1/objects/a\\b', 400, 'bad-request'],
      ['/v1/objects/a%5c..%5cb', 400, 'bad-request'],
      ['/v1/objects/%00', 400, 'bad-request'],
      ['/v1/objects/%zz', 400, 'bad-request'],
      ['/v1/objects/%ff', 400, 'bad-request'],
      ['/v1/objects/', 400, 'bad-request'],
      [`/v1/objects/${'a'.repeat(1_025)}`, 400, 'bad-request'],
      ['/v1/manifests/none', 404, 'object-not-found'],
      ['/v1/manifests/a/%2e%2e/b', 400, 'bad-request'],
      ['/v1/segments/a/b', 426, 'handshake-failed'],
      ['/v1/other', 404, 'object-not-found'],
      ['/', 404, 'object-not-found'],
      ['/v1/nodes/a/b', 400, 'bad-request'],
      ['/v1/nodes/a/b?level=0&from=1&to=3', 400, 'bad-request'],
      ['/v1/nodes/a/b?level=0&from=0&to=0', 400, 'bad-request'],
      ['/v1/nodes/a/b?level=0&from=0&to=4097', 400, 'bad-request'],
      ['/v1/nodes/a/b?level=-1&from=0&to=1', 400, 'bad-request'],
      ['/v1/nodes/a/b?level=0&level=1&from=0&to=1', 400, 'bad-request'],
      ['/v1/nodes/a/b?level=0&from=1&to=2', 416, 'range-not-satisfiable'],
      ['/v1/nodes/none?level=0&from=0&to=1', 404, 'object-not-found'],
      ['/v1/objects?limit=0', 400, 'bad-request'],
      ['/v1/objects?limit=x', 400, 'bad-request'],
    ];
    for (const [path, status, code] of rows) {
      const answer = await raw(origin.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      const [head = '', body = ''] = answer.split('\r\n\r\n');
      expect(head.split('\r\n')[0], path).toContain(` ${status} `);
      expect(head.toLowerCase(), path).toContain('content-type: application/problem+json');
      expect(JSON.parse(body), path).toMatchObject({ status, code });
      expect(answer).not.toContain('root:');
    }
    const post = await fetch(`${origin.url}/v1/objects/a/b`, { method: 'POST', body: 'x' });
    expect(post.status).toBe(404);
  });

  it('does not disturb a plain request that offers another protocol', async () => {
    await using world = await makeWorld({ file: 'x' });
    const origin = await world.start();
    const answer = await raw(
      origin.port,
      'GET /v1/objects/file HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*\r\n\r\nx$/);
  });
});

describe('the list', () => {
  it('goes page by page through the keys with a prefix', async () => {
    const keys = ['a/1', 'a/2', 'a/3', 'b'];
    await using world = await makeWorld(Object.fromEntries(keys.map((key) => [key, key])));
    const origin = await world.start();
    const seen: string[] = [];
    let after = '';
    for (let page = 0; page < 3; page += 1) {
      const { body } = await get(`${origin.url}/v1/objects?limit=2&after=${encodeURIComponent(after)}`);
      const { objects, next } = JSON.parse(String(body));
      for (const object of objects) {
        const manifest = await get(`${origin.url}/v1/manifests/${object.key}`);
        const payload = Buffer.from(String(manifest.body).split('.')[1] ?? '', 'base64url');
        expect(object).toEqual({
          key: object.key,
          size: object.key.length,
          root: parseManifest(payload).root,
          modified: new Date(LONG_AGO * 1_000).toISOString(),
        });
        seen.push(object.key);
      }
      if (next === undefined) break;
      after = next;
    }
    expect(seen).toEqual(keys);
    const { body } = await get(`${origin.url}/v1/objects?prefix=a%2F`);
    expect(JSON.parse(String(body)).objects.map(({ key }: { key: string }) => key)).toEqual(keys.slice(0, 3));
  });
});

describe('a manifest', () => {
  it('is signed with the key of the origin and says what the object is', async () => {
    await using world = await makeWorld({ 'x/file.json': '{}' });
    const origin = await world.start();
    const { body, headers } = await get(`${origin.url}/v1/manifests/x/file.json`);
    expect(headers.get('content-type')).toBe('application/jose');
    const header = checkManifestHeader(JSON.parse(String(Buffer.from(String(body).split('.')[0] ?? '', 'base64url'))));
    expect(header.jwk.x).toBe(origin.publicKey);
    const { payload } = await compactVerify(String(body), await importJWK(header.jwk, 'EdDSA'));
    const object = await get(`${origin.url}/v1/objects/x/file.json`);
    expect(parseManifest(payload)).toMatchObject({
      key: 'x/file.json',
      size: 2,
      etag: object.headers.get('etag'),
      contentType: object.headers.get('content-type'),
      modified: LONG_AGO * 1_000,
    });
    expect(headers.get('etag')).toBe(object.headers.get('etag'));
  });
});

describe('proof pages', () => {
  it('prove themselves, at every level, to the end of the object', async () => {
    const bytes = bytesOf(21 * LEAF_BYTES + 5);
    await using world = await makeWorld({ file: bytes });
    const origin = await world.start();
    const leaves: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += LEAF_BYTES)
      leaves.push(hashLeaf(bytes.subarray(at, at + LEAF_BYTES), sha256));
    const levels = buildLevels(Buffer.concat(leaves), sha256);
    const { body: signed } = await get(`${origin.url}/v1/manifests/file`);
    const { size, root: text } = parseManifest(Buffer.from(String(signed).split('.')[1] ?? '', 'base64url'));
    const root = parseRoot(text) ?? new Uint8Array(0);
    expect(Buffer.from(root).equals(levels.at(-1) ?? Buffer.alloc(0))).toBe(true);
    for (let level = 0; level <= 6; level += 1) {
      const width = nodeCountOf(size, level);
      for (let from = 0; from < width; from += 4) {
        const to = Math.min(from + 4, width);
        const answer = await get(`${origin.url}/v1/nodes/file?level=${level}&from=${from}&to=${to}`);
        expect(answer.status).toBe(200);
        const [frame] = new FrameReader(SOURCE_FRAME_TYPES).push(answer.body);
        const page = (frame as { page: ProofPage }).page;
        expect(page).toMatchObject({ level, first: from });
        expect(verifyPage(page, { size, root }, sha256)).toBe(true);
        const row = levels[Math.min(level, levels.length - 1)] ?? Buffer.alloc(0);
        expect(Buffer.from(page.nodes).equals(row.subarray(from * HASH_BYTES, to * HASH_BYTES))).toBe(true);
      }
    }
  });
});
