// Framing of HTTP bodies: chunks cut at every place, and what is refused.
import { describe, expect, test } from 'vitest';
import { ChunkedBody, framingOf, isLastAnswer } from '../../../client/io/range-body.ts';
import type { ResponseHead } from '../../../protocol/http-head.ts';

const BODY = Buffer.from('5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n');
const NEXT = Buffer.from('HTTP/1.1 200 OK');

function headOf(status: number, headers: Readonly<Record<string, string>>): ResponseHead {
  return { status, headers: new Map(Object.entries(headers)), bytes: 0 };
}

describe('chunks', () => {
  test.each(Array.from({ length: BODY.length + NEXT.length }, (_, at) => at))('cut at byte %i', (at) => {
    const all = Buffer.concat([BODY, NEXT]);
    const body = new ChunkedBody();
    let text = '';
    let used = 0;
    const keep = (data: Uint8Array): void => {
      text += Buffer.from(data).toString();
    };
    for (const piece of [all.subarray(0, at), all.subarray(at)]) {
      const own = body.read(piece, keep);
      used += own;
      if (own < piece.length) break;
    }
    expect({ text, used, over: body.over }).toEqual({ text: 'hello world', used: BODY.length, over: true });
  });

  test.each(['x\r\n', '\r\n', '5\r\nhelloworld\r\n', '-1\r\n', '1000000000000\r\n', '0'.repeat(5_000)])(
    '%s is no chunk',
    (text) => expect(() => new ChunkedBody().read(Buffer.from(text), () => {})).toThrow('chunk'),
  );
});

test.each<[string, number, Readonly<Record<string, string>>, unknown]>([
  ['a length', 206, { 'content-length': '7' }, { type: 'length', bytes: 7 }],
  ['chunks', 200, { 'transfer-encoding': 'Chunked' }, { type: 'chunked' }],
  ['nothing', 200, {}, { type: 'close' }],
  ['no body', 304, { 'content-length': '7' }, { type: 'length', bytes: 0 }],
])('framing by %s', (_, status, headers, expected) => expect(framingOf(headOf(status, headers))).toEqual(expected));

test.each<[string, Readonly<Record<string, string>>]>([
  ['both', { 'content-length': '7', 'transfer-encoding': 'chunked' }],
  ['another coding', { 'transfer-encoding': 'gzip, chunked' }],
  ['two lengths', { 'content-length': '7, 8' }],
  ['a negative length', { 'content-length': '-7' }],
])('no framing by %s', (_, headers) => expect(() => framingOf(headOf(200, headers))).toThrow('answer'));

test.each([
  [1, undefined, false],
  [1, 'close', true],
  [1, 'Keep-Alive, Close', true],
  [0, undefined, true],
  [0, 'keep-alive', false],
])('HTTP/1.%i with Connection: %s closes: %s', (minor, connection, expected) => {
  expect(isLastAnswer(headOf(200, connection === undefined ? {} : { connection }), minor)).toBe(expected);
});
