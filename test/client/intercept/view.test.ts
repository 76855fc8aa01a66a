// The table of answers to a lead, and what the application is shown of each.
import { describe, expect, test } from 'vitest';
import { headersOf, viewOf } from '../../../client/intercept/view.ts';
import type { HeaderLine, ObjectView } from '../../../client/intercept/view.ts';
import type { Split } from '../../../client/intercept/plan.ts';

const HEX = 'ab'.repeat(32);
const ETAG: HeaderLine = ['ETag', `"sha256-${HEX}"`];
const B = 65_536;
const WHOLE: Split = { type: 'split', key: 'k', wanted: undefined, lead: { from: 0, to: B }, size: undefined };
const WRITTEN: Split = { ...WHOLE, lead: undefined };
const MIDDLE: Split = { ...WHOLE, wanted: { from: B + 100, to: 300_000 }, lead: { from: B, to: 2 * B } };

function partial(
  range: string,
  length: number,
  more: readonly HeaderLine[] = [],
): { status: number; headers: HeaderLine[] } {
  const headers: HeaderLine[] = [
    ETAG,
    ['Content-Range', `bytes ${range}`],
    ['Content-Length', String(length)],
    ...more,
  ];
  return { status: 206, headers };
}

function object(status: number, size: number, wanted: [number, number], held: [number, number]): object {
  const spans = { wanted: { from: wanted[0], to: wanted[1] }, held: { from: held[0], to: held[1] } };
  return { type: 'object', root: `sha256:${HEX}`, etag: ETAG[1], status, size, ...spans };
}

describe('answers that bring bytes', () => {
  const rows: [name: string, plan: Split, head: { status: number; headers: HeaderLine[] }, expected: object][] = [
    [
      'the first block of a large object',
      WHOLE,
      partial(`0-65535/900000`, B),
      object(200, 900_000, [0, 900_000], [0, B]),
    ],
    ['a small object', WHOLE, partial('0-99/100', 100), object(200, 100, [0, 100], [0, 100])],
    [
      'no length, but a range',
      WHOLE,
      { status: 206, headers: [ETAG, ['content-range', 'bytes 0-99/100']] },
      object(200, 100, [0, 100], [0, 100]),
    ],
    [
      'a server without ranges',
      WHOLE,
      { status: 200, headers: [ETAG, ['content-length', '900000']] },
      object(200, 900_000, [0, 900_000], [0, 900_000]),
    ],
    [
      'a block in the middle',
      MIDDLE,
      partial('65536-131071/900000', B),
      object(206, 900_000, [B + 100, 300_000], [B, 2 * B]),
    ],
    [
      'a range that ends with the object',
      MIDDLE,
      partial('65536-131071/200000', B),
      object(206, 200_000, [B + 100, 200_000], [B, 2 * B]),
    ],
    [
      'a block that ends with the object',
      MIDDLE,
      partial('65536-70000/70001', 4_465),
      object(206, 70_001, [B + 100, 70_001], [B, 70_001]),
    ],
    [
      'a condition that made it the whole',
      MIDDLE,
      { status: 200, headers: [ETAG, ['content-length', '5']] },
      object(200, 5, [0, 5], [0, 5]),
    ],
    [
      'as written, everything',
      WRITTEN,
      { status: 200, headers: [ETAG, ['content-length', '5']] },
      object(200, 5, [0, 5], [0, 5]),
    ],
    ['as written, a range', WRITTEN, partial('7-9/10', 3), object(206, 10, [7, 10], [7, 10])],
    [
      'identity is no encoding',
      WHOLE,
      partial('0-99/100', 100, [['Content-Encoding', 'identity']]),
      object(200, 100, [0, 100], [0, 100]),
    ],
  ];
  test.each(rows)('%s', (_name, plan, head, expected) => {
    expect(viewOf(plan, head)).toEqual(expected);
  });
});

describe('other answers', () => {
  const rows: [name: string, plan: Split, status: number, headers: HeaderLine[], type: string][] = [
    ['an empty object has no first byte', WHOLE, 416, [['Content-Range', 'bytes */0']], 'again'],
    ['a range behind the end', MIDDLE, 416, [['Content-Range', 'bytes */9']], 'pass'],
    ['a range behind the end, in the last block', MIDDLE, 206, partial('65536-65600/65601', 65).headers, 'again'],
    ['not modified', WHOLE, 304, [ETAG], 'pass'],
    ['a redirect', WHOLE, 302, [['Location', '/x']], 'pass'],
    ['precondition failed', WHOLE, 412, [ETAG], 'pass'],
    ['not found', WHOLE, 404, [], 'pass'],
    ['gone', WHOLE, 410, [], 'pass'],
    ['forbidden by the origin', WHOLE, 403, [], 'pass'],
    ['refused by a relay', WHOLE, 403, [['Proxy-Status', 'eu; error=http_request_denied']], 'refused'],
    ['unknown to a relay', WHOLE, 404, [['Proxy-Status', 'eu; error=destination_not_found; next-hop="x"']], 'refused'],
    ['a Proxy-Status that is no error', WHOLE, 404, [['Proxy-Status', 'eu; next-hop="x"']], 'pass'],
    ['a bad gateway', WHOLE, 502, [], 'refused'],
    ['unavailable', WHOLE, 503, [['Retry-After', '1']], 'refused'],
    ['too many requests', WHOLE, 429, [], 'refused'],
    ['no content', WHOLE, 204, [ETAG], 'unfit'],
    ['transformed', WHOLE, 203, [ETAG, ['Content-Length', '5']], 'unfit'],
    ['no ETag', WHOLE, 200, [['Content-Length', '5']], 'unfit'],
    [
      'a weak ETag',
      WHOLE,
      200,
      [
        ['ETag', `W/${ETAG[1]}`],
        ['Content-Length', '5'],
      ],
      'unfit',
    ],
    [
      'an ETag that is no root',
      WHOLE,
      200,
      [
        ['ETag', '"5f-3"'],
        ['Content-Length', '5'],
      ],
      'unfit',
    ],
    ['encoded', WHOLE, 200, [ETAG, ['Content-Length', '5'], ['Content-Encoding', 'gzip']], 'unfit'],
    ['no length', WHOLE, 200, [ETAG, ['Transfer-Encoding', 'chunked']], 'unfit'],
    ['no Content-Range', WHOLE, 206, [ETAG, ['Content-Length', '5']], 'unfit'],
    ['several ranges', WRITTEN, 206, [ETAG, ['Content-Type', 'multipart/byteranges; boundary=x']], 'unfit'],
    ['another range', WHOLE, 206, partial('1-100/900', 100).headers, 'unfit'],
    ['a shorter range', WHOLE, 206, partial('0-99/900', 100).headers, 'unfit'],
    ['a range behind its own size', WHOLE, 206, partial('0-99/50', 100).headers, 'unfit'],
    ['a length that is not the range', WHOLE, 206, partial('0-99/100', 99).headers, 'unfit'],
    ['an unknown size', WHOLE, 206, partial('0-99/*', 100).headers, 'unfit'],
    [
      'another size than reckoned with',
      { ...MIDDLE, size: 5 },
      206,
      partial('65536-131071/900000', B).headers,
      'stale',
    ],
  ];
  test.each(rows)('%s', (_name, plan, status, headers, type) => {
    expect(viewOf(plan, { status, headers }).type).toBe(type);
  });
});

describe('headers', () => {
  const came: HeaderLine[] = [
    ETAG,
    ['Content-Range', 'bytes 0-65535/900000'],
    ['X', '1'],
    ['x', '2'],
    ['content-length', '65536'],
  ];
  const view = viewOf(WHOLE, { status: 206, headers: came }) as ObjectView;

  test('of the whole: no range, the whole length, everything else as it came', () => {
    expect(headersOf(view, came)).toEqual([ETAG, ['X', '1'], ['x', '2'], ['content-length', '900000']]);
  });

  test('of a range: its own', () => {
    const part: ObjectView = { ...view, status: 206, wanted: { from: 10, to: 20 } };
    expect(headersOf(part, came)).toEqual([
      ETAG,
      ['Content-Range', 'bytes 10-19/900000'],
      ['X', '1'],
      ['x', '2'],
      ['content-length', '10'],
    ]);
  });
});
