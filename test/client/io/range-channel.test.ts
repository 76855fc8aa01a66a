// The range adapter against real plain servers: what a source's frames become as requests, and what comes back.
import { writeFile } from 'node:fs/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TEST_CERTIFICATE, TEST_KEY } from '../../relay/tls-fixture.ts';
import { answerRange, startNginx, startPython, startScripted } from '../../support/mirrors.ts';
import type { MirrorServer } from '../../support/mirrors.ts';
import { objectBytes } from '../../support/object-bytes.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { patternFrame, RangeKit, SEGMENT } from './range-kit.ts';

const SIZE = 20 * SEGMENT + 1_234;
const SEGMENTS = 21;
const content = objectBytes(SIZE, 7);
const owned = new AsyncDisposableStack();
let nginx: MirrorServer;
let python: MirrorServer;

beforeAll(async () => {
  const folder = owned.use(await temporaryFolder());
  await writeFile(folder.file('a.bin'), content);
  await writeFile(folder.file('small.bin'), content.subarray(0, 100));
  await writeFile(folder.file('empty.bin'), '');
  nginx = owned.use(await startNginx(folder.path));
  python = owned.use(await startPython(folder.path));
});
afterAll(() => owned.disposeAsync());

function partOf(index: number): Buffer {
  return content.subarray(index * SEGMENT, (index + 1) * SEGMENT);
}

async function expectWhole(kit: RangeKit): Promise<void> {
  const segments = await kit.untilSegments(SEGMENTS);
  expect(segments.map(({ frame }) => frame.index)).toEqual(Array.from({ length: SEGMENTS }, (_, index) => index));
  expect(Buffer.concat(segments.map(({ payload }) => payload)).equals(content)).toBe(true);
  expect(kit.payloadBytes).toBe(SIZE);
}

describe('nginx', () => {
  test('credit for everything brings everything, in order', async () => {
    using kit = new RangeKit(`${nginx.url}a.bin`);
    await kit.open(100);
    await expectWhole(kit);
    expect((await kit.until('copy')).copy).toEqual({
      size: SIZE,
      etag: expect.stringMatching(/^"/),
      modified: expect.stringContaining('GMT'),
      digest: undefined,
    });
  });

  test('no more than the credit comes, and what is behind it when more is given', async () => {
    using kit = new RangeKit(`${nginx.url}a.bin`);
    await kit.open(3);
    expect(await kit.untilSegments(3)).toHaveLength(3);
    kit.channel.write({ type: 'credit', total: 100 });
    await expectWhole(kit);
  });

  test('only segments of its own, and SENDs before them', async () => {
    using kit = new RangeKit(`${nginx.url}a.bin`);
    await kit.open(4, [2, 1]);
    await kit.untilSegments(4);
    kit.channel.write({ type: 'send', ranges: [{ first: 20, length: 1 }], again: false });
    kit.channel.write({ type: 'credit', total: 5 });
    const segments = await kit.untilSegments(6);
    expect(segments.map(({ frame }) => [frame.index, frame.by])).toEqual([
      [1, 'pattern'],
      [3, 'pattern'],
      [5, 'pattern'],
      [7, 'pattern'],
      [20, 'send'],
      [9, 'pattern'],
    ]);
    for (const { frame, payload } of segments) expect(payload.equals(partOf(frame.index))).toBe(true);
  });

  test('what lies beyond the object is dropped', async () => {
    using kit = new RangeKit(`${nginx.url}small.bin`);
    await kit.open(4, [2, 1]);
    expect((await kit.until('copy')).copy.size).toBe(100);
    const dropped = await kit.untilFrames('dropped', 4);
    expect(dropped).toEqual(
      [1, 3, 5, 7].map((index) => ({ type: 'dropped', index, epoch: 1, by: 'pattern', reason: 'not-held' })),
    );
  });

  test('an empty object', async () => {
    using kit = new RangeKit(`${nginx.url}empty.bin`);
    await kit.open(4);
    expect((await kit.until('copy')).copy.size).toBe(0);
  });

  test('an object that is not there is refused', async () => {
    using kit = new RangeKit(`${nginx.url}none.bin`);
    await kit.open(4);
    expect((await kit.until('refused')).refusal).toMatchObject({ code: 'object-not-found', retryAfterMs: undefined });
  });
});

describe("python's http.server, which knows no ranges", () => {
  test('as the only source it is read from byte 0, as far as credit goes', async () => {
    using kit = new RangeKit(`${python.url}a.bin`, { alone: true });
    await kit.open(3);
    expect(await kit.untilSegments(3)).toHaveLength(3);
    kit.channel.write({ type: 'credit', total: 100 });
    await expectWhole(kit);
  });

  test('what was had before is read over', async () => {
    using kit = new RangeKit(`${python.url}a.bin`, { alone: true });
    await kit.until('connected');
    const { pattern } = patternFrame(3, [1], { from: 18 });
    const transfer = '0'.repeat(32);
    kit.channel.open({ key: 'a', transfer, number: 1, segmentBytes: SEGMENT, pattern, credit: 100, steer: false });
    const segments = await kit.untilSegments(3);
    expect(segments.map(({ frame }) => frame.index)).toEqual([18, 19, 20]);
    for (const { frame, payload } of segments) expect(payload.equals(partOf(frame.index))).toBe(true);
  });

  test('what is owed again after it passed ends the channel: another one has to begin at the beginning', async () => {
    using kit = new RangeKit(`${python.url}a.bin`, { alone: true });
    await kit.open(3);
    await kit.untilSegments(3);
    kit.channel.write({ type: 'send', ranges: [{ first: 1, length: 1 }], again: true });
    kit.channel.write({ type: 'credit', total: 100 });
    expect((await kit.until('closed')).error.code).toBe('connection-lost');
  });

  test('a second channel beside one that reads the whole stays silent', async () => {
    using kit = new RangeKit(`${python.url}a.bin`, { alone: true });
    await kit.open(3);
    await kit.untilSegments(3);
    using second = new RangeKit(`${python.url}a.bin`, { mirror: kit.mirror });
    kit.channel.write({ type: 'credit', total: 100 });
    await expectWhole(kit);
    expect(second.said).toEqual([]);
  });

  test('beside others it is refused', async () => {
    using kit = new RangeKit(`${python.url}a.bin`);
    await kit.open(3);
    expect((await kit.until('refused')).refusal.text).toContain('serves no ranges');
  });

  test('a small object comes whole in the one answer there is', async () => {
    using kit = new RangeKit(`${python.url}small.bin`);
    await kit.open(3);
    const [segment] = await kit.untilSegments(1);
    expect(segment?.payload.equals(content.subarray(0, 100))).toBe(true);
  });
});

describe('connections', () => {
  test('many requests are under way on one connection', async () => {
    await using server = await startScripted((_, response, range) => answerRange(response, content, range));
    using kit = new RangeKit(server.url);
    await kit.open(11, [1, 2]);
    await kit.untilSegments(11);
    expect(server.connections()).toBe(1);
  });

  test('a server that closes behind each answer is asked over several', async () => {
    await using server = await startScripted((_, response, range) =>
      answerRange(response, content, range, { Connection: 'close' }),
    );
    using kit = new RangeKit(server.url);
    await kit.open(11, [1, 2]);
    const segments = await kit.untilSegments(11);
    expect(segments.map(({ frame }) => frame.index)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
    for (const { frame, payload } of segments) expect(payload.equals(partOf(frame.index))).toBe(true);
    expect(server.connections()).toBe(11);
  });

  test('a server that hangs up without a word is asked again', async () => {
    await using server = await startScripted((request, response, range) => {
      answerRange(response, content, range);
      response.once('finish', () => request.socket.end());
    });
    using kit = new RangeKit(server.url);
    await kit.open(11, [1, 2]);
    const segments = await kit.untilSegments(11);
    for (const { frame, payload } of segments) expect(payload.equals(partOf(frame.index))).toBe(true);
    expect(segments).toHaveLength(11);
  });
});

describe('with nothing to ask for', () => {
  test('a channel asks for one byte to hear whether anybody is there', async () => {
    using kit = new RangeKit(`${nginx.url}a.bin`);
    await kit.open(0);
    expect((await kit.until('copy')).copy.size).toBe(SIZE);
    expect(kit.payloadBytes).toBe(0);
    kit.channel.write({ type: 'credit', total: 100 });
    await expectWhole(kit);
  });

  test('PINGs are answered, by probes', async () => {
    using kit = new RangeKit(`${nginx.url}a.bin`);
    await kit.open(1);
    await kit.untilSegments(1);
    kit.channel.write({ type: 'ping', nonce: 7 });
    expect(await kit.untilFrames('pong')).toEqual([{ type: 'pong', nonce: 7, epoch: 1, queued: 0 }]);
    expect(kit.payloadBytes).toBe(SEGMENT);
  });
});

describe('TLS', () => {
  const before = getCACertificates('default');
  beforeAll(() => setDefaultCACertificates([...before, TEST_CERTIFICATE]));
  afterAll(() => setDefaultCACertificates(before));
  const tls = { cert: TEST_CERTIFICATE, key: TEST_KEY };

  test('a redirect from http to https is followed', async () => {
    await using secure = await startScripted(
      (_, response, range) => answerRange(response, content, range),
      '127.0.0.1',
      tls,
    );
    await using plain = await startScripted((_, response) => response.writeHead(301, { Location: secure.url }).end());
    using kit = new RangeKit(plain.url);
    await kit.open(100);
    await expectWhole(kit);
  });

  test('one from https to http is not', async () => {
    const redirect = { Location: nginx.url };
    await using secure = await startScripted(
      (_, response) => response.writeHead(301, redirect).end(),
      '127.0.0.1',
      tls,
    );
    using kit = new RangeKit(secure.url);
    await kit.open(1);
    expect((await kit.until('refused')).refusal.text).toContain('from https to http');
  });
});
