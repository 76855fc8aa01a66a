// The tables of what a plain server may answer to a Range request, and what each means.
import { describe, expect, test } from 'vitest';
import { judgeAnswer, parseContentRange, parseDigest, strongETag } from '../../../client/io/range-answer.ts';
import type { Copy, RangeAnswer } from '../../../client/io/range-answer.ts';
import { redirectOf } from '../../../client/io/range-redirect.ts';
import type { ResponseHead } from '../../../protocol/http-head.ts';

const AT = new URL('https://mirror.example/a/b.bin?x=1');
const ASKED = { first: 100, last: 199 };
const COPY: Copy = { size: 1_000, etag: '"v1"', modified: undefined, digest: undefined };
const GOOD = { 'content-range': 'bytes 100-199/1000', 'content-length': '100', etag: '"v1"' };

function headOf(status: number, headers: Readonly<Record<string, string>> = {}): ResponseHead {
  return { status, headers: new Map(Object.entries(headers)), bytes: 0 };
}

/** The answer's type, or the code and text of a refusal. */
function judged(status: number, headers: Readonly<Record<string, string>>, known?: Copy): string {
  const answer: RangeAnswer = judgeAnswer(headOf(status, headers), ASKED, known, AT);
  return answer.type === 'refused' ? `${answer.refusal.code}: ${answer.refusal.text}` : answer.type;
}

describe('Content-Range', () => {
  test.each([
    ['bytes 0-99/100', { span: { first: 0, last: 99 }, size: 100 }],
    ['bytes 0-99/*', { span: { first: 0, last: 99 }, size: undefined }],
    ['bytes */100', { span: undefined, size: 100 }],
    ['Bytes 5-5/6', { span: { first: 5, last: 5 }, size: 6 }],
    ['bytes 0-9007199254740989/9007199254740990', expect.anything()],
  ])('%s is read', (line, expected) => expect(parseContentRange(line)).toEqual(expected));

  test.each([
    undefined,
    '',
    'bytes',
    'bytes 0-99',
    'bytes */*',
    'bytes 99-0/100',
    'bytes 0-100/100',
    'bytes 0-99/100, 200-299/1000',
    'bytes -1-99/100',
    'items 0-99/100',
    'bytes 0x0-0x9/100',
    'bytes 0-99999999999999999999/999999999999999999999',
    'bytes 0-9007199254740992/9007199254740993',
  ])('%s is not', (line) => expect(parseContentRange(line)).toBeUndefined());
});

describe('validators and digests', () => {
  test.each([
    ['"abc"', '"abc"'],
    ['""', '""'],
    ['W/"abc"', undefined],
    ['abc', undefined],
    ['"a"b"', undefined],
    [undefined, undefined],
  ])('strong ETag of %s: %s', (line, expected) => expect(strongETag(line)).toBe(expected));

  const base64 = Buffer.alloc(32, 7).toString('base64');
  const hex = Buffer.alloc(32, 7).toString('hex');
  test.each([
    [`sha-256=:${base64}:`, hex],
    [`sha-512=:AAAA:, sha-256=:${base64}:`, hex],
    [`sha-256=${base64}`, undefined],
    ['sha-256=:AAAA:', undefined],
    [`x-sha-256=:${base64}:`, undefined],
    [undefined, undefined],
  ])('digest of %s: %s', (line, expected) => expect(parseDigest(line)).toBe(expected));
});

describe('answers', () => {
  test.each<[string, number, Readonly<Record<string, string>>, string]>([
    ['the part asked for', 206, GOOD, 'part'],
    ['less of it', 206, { 'content-range': 'bytes 100-150/1000', 'content-length': '51' }, 'part'],
    ['a part in chunks', 206, { 'content-range': 'bytes 100-199/1000', 'transfer-encoding': 'chunked' }, 'part'],
    ['no Content-Range', 206, { 'content-length': '100' }, 'refused: the mirror answers 206 with Content-Range ""'],
    [
      'parts in a multipart body',
      206,
      { 'content-type': 'multipart/byteranges; boundary=x' },
      'refused: the mirror answers 206 with Content-Range ""',
    ],
    [
      'another part',
      206,
      { ...GOOD, 'content-range': 'bytes 0-99/1000' },
      'refused: bytes 100-199 were asked for, the mirror sends bytes 0-99/1000',
    ],
    [
      'more than was asked for',
      206,
      { ...GOOD, 'content-range': 'bytes 100-299/1000' },
      'refused: bytes 100-199 were asked for, the mirror sends bytes 100-299/1000',
    ],
    [
      'a length that is not the part’s',
      206,
      { ...GOOD, 'content-length': '99' },
      'refused: the mirror announces 99 bytes and sends bytes 100-199/1000',
    ],
    [
      'a size that nobody knows',
      206,
      { ...GOOD, 'content-range': 'bytes 100-199/*' },
      'refused: the mirror does not say how long the object is',
    ],
    [
      'a compressed part',
      206,
      { ...GOOD, 'content-encoding': 'gzip' },
      'refused: the mirror sends gzip though identity was asked for',
    ],
    ['an encoding that is none', 206, { ...GOOD, 'content-encoding': 'identity' }, 'part'],
    ['the whole', 200, { 'content-length': '1000' }, 'whole'],
    [
      'a whole of unknown length',
      200,
      { 'transfer-encoding': 'chunked' },
      'refused: the mirror serves no ranges and does not say how long the object is',
    ],
    ['the end before it', 416, { 'content-range': 'bytes */50' }, 'beyond'],
    [
      'a refusal of what it has',
      416,
      { 'content-range': 'bytes */1000' },
      'refused: the mirror has 1000 bytes and refuses 100-199',
    ],
    ['a bare 416', 416, {}, 'range-not-satisfiable: the range lies outside the object (HTTP 416)'],
    ['another place', 302, { location: '/c.bin' }, 'moved'],
    ['a place on another host', 308, { location: 'https://other.example/b.bin' }, 'moved'],
    ['no place', 301, {}, 'refused: the mirror redirects and does not say where to'],
    [
      'a place without TLS',
      302,
      { location: 'http://mirror.example/' },
      'refused: the mirror redirects from https to http',
    ],
    ['nothing there', 404, {}, 'object-not-found: no object has this key (HTTP 404)'],
    ['forbidden', 403, {}, 'refused: the server refuses this request (HTTP 403)'],
    ['too many requests', 429, { 'retry-after': '2' }, 'overloaded: the server is at one of its limits (HTTP 429)'],
    ['a failed condition', 412, {}, "object-changed: the mirror's copy changed under way: its ETag"],
    ['not modified', 304, {}, 'refused: the mirror answers with HTTP 304'],
  ])('%s', (_, status, headers, expected) => expect(judged(status, headers)).toBe(expected));

  test.each<[string, Readonly<Record<string, string>>, string]>([
    ['the same copy', GOOD, 'part'],
    ['no ETag any more', { 'content-range': 'bytes 100-199/1000' }, 'part'],
    ['another ETag', { ...GOOD, etag: '"v2"' }, "object-changed: the mirror's copy changed under way: its ETag"],
    [
      'another size',
      { ...GOOD, 'content-range': 'bytes 100-199/1001' },
      "object-changed: the mirror's copy changed under way: its size, 1000 to 1001 bytes",
    ],
  ])('later: %s', (_, headers, expected) => expect(judged(206, headers, COPY)).toBe(expected));

  test('a pause asked for is passed on', () => {
    const answer = judgeAnswer(headOf(429, { 'retry-after': '2' }), ASKED, undefined, AT);
    expect(answer).toMatchObject({ type: 'refused', refusal: { retryAfterMs: 2_000 } });
  });

  test('what the copy is like is read from the part', () => {
    const base64 = Buffer.alloc(32, 7).toString('base64');
    const headers = { ...GOOD, 'last-modified': 'yesterday', 'repr-digest': `sha-256=:${base64}:` };
    expect(judgeAnswer(headOf(206, headers), ASKED, undefined, AT)).toEqual({
      type: 'part',
      span: ASKED,
      copy: { size: 1_000, etag: '"v1"', modified: 'yesterday', digest: '07'.repeat(32) },
    });
  });
});

describe('redirects', () => {
  test.each([
    ['/c.bin', 'https://mirror.example/c.bin'],
    ['c.bin?y=2#part', 'https://mirror.example/a/c.bin?y=2'],
    ['//other.example/c', 'https://other.example/c'],
  ])('%s leads to %s', (location, expected) => expect(String(redirectOf(location, AT))).toBe(expected));

  test('from http to https', () => {
    expect(String(redirectOf('https://x.example/', new URL('http://x.example/')))).toBe('https://x.example/');
  });

  test.each([['ftp://x.example/'], ['file:///etc/passwd'], ['http://x.example/'], ['https://'], [undefined]])(
    '%s is not followed',
    (location) => expect(redirectOf(location, AT)).toBeTypeOf('string'),
  );
});
