// Preconditions and ranges against RFC 9110: sections 13.1, 13.2.2, 14.1.2, 14.2.
import { describe, expect, it } from 'vitest';
import { evaluate, parseRange } from '../../origin/conditional.ts';
import type { ConditionHeaders } from '../../origin/conditional.ts';

const ETAG = '"sha256-aa"';
const MODIFIED = Date.UTC(1994, 10, 6, 8, 49, 37) + 250;
const SAME = 'Sun, 06 Nov 1994 08:49:37 GMT';
const BEFORE = 'Sun, 06 Nov 1994 08:49:36 GMT';
const AFTER = 'Sun, 06 Nov 1994 08:49:38 GMT';
const NOW = Date.UTC(2020, 0, 1);

function answer(headers: ConditionHeaders, method = 'GET', size = 1_000, now = NOW): string {
  const { status, range } = evaluate(method, headers, { etag: ETAG, modified: MODIFIED, size }, now);
  return range === undefined ? String(status) : `${status} ${range.from}-${range.to}`;
}

const ALL = '200 0-1000';
const PART = '206 0-10';
const range = 'bytes=0-9';

describe('preconditions', () => {
  const rows: [string, ConditionHeaders, string][] = [
    ['nothing', {}, ALL],
    ['If-Match fits', { 'if-match': ETAG }, ALL],
    ['If-Match *', { 'if-match': '*' }, ALL],
    ['If-Match in a list', { 'if-match': `"x", ${ETAG}` }, ALL],
    ['If-Match differs', { 'if-match': '"x"' }, '412'],
    ['If-Match compares strongly', { 'if-match': `W/${ETAG}` }, '412'],
    ['If-Match without a tag', { 'if-match': 'x' }, '412'],
    ['If-Match before If-Unmodified-Since', { 'if-match': ETAG, 'if-unmodified-since': BEFORE }, ALL],
    ['If-Unmodified-Since the same second', { 'if-unmodified-since': SAME }, ALL],
    ['If-Unmodified-Since later', { 'if-unmodified-since': AFTER }, ALL],
    ['If-Unmodified-Since earlier', { 'if-unmodified-since': BEFORE }, '412'],
    ['If-Unmodified-Since no date', { 'if-unmodified-since': 'yesterday' }, ALL],
    ['If-None-Match fits', { 'if-none-match': ETAG }, '304'],
    ['If-None-Match compares weakly', { 'if-none-match': `W/${ETAG}` }, '304'],
    ['If-None-Match *', { 'if-none-match': '*' }, '304'],
    ['If-None-Match in a list', { 'if-none-match': `W/"x",${ETAG}` }, '304'],
    ['If-None-Match differs', { 'if-none-match': '"x"' }, ALL],
    ['If-None-Match before If-Modified-Since', { 'if-none-match': '"x"', 'if-modified-since': AFTER }, ALL],
    ['If-Modified-Since the same second', { 'if-modified-since': SAME }, '304'],
    ['If-Modified-Since later', { 'if-modified-since': AFTER }, '304'],
    ['If-Modified-Since earlier', { 'if-modified-since': BEFORE }, ALL],
    ['If-Modified-Since no date', { 'if-modified-since': '12' }, ALL],
    ['RFC 850 date', { 'if-modified-since': 'Sunday, 06-Nov-94 08:49:37 GMT' }, '304'],
    ['asctime date', { 'if-modified-since': 'Sun Nov  6 08:49:37 1994' }, '304'],
    ['asctime date, a second earlier', { 'if-modified-since': 'Sun Nov  6 08:49:36 1994' }, ALL],
    ['412 before 304', { 'if-match': '"x"', 'if-none-match': ETAG }, '412'],
    ['412 before 206', { 'if-match': '"x"', range }, '412'],
    ['304 before 206', { 'if-none-match': ETAG, range }, '304'],
    ['If-Range fits', { 'if-range': ETAG, range }, PART],
    ['If-Range differs', { 'if-range': '"x"', range }, ALL],
    ['If-Range compares strongly', { 'if-range': `W/${ETAG}`, range }, ALL],
    ['If-Range with the date', { 'if-range': SAME, range }, PART],
    ['If-Range with a later date', { 'if-range': AFTER, range }, ALL],
    ['If-Range with an earlier date', { 'if-range': BEFORE, range }, ALL],
    ['If-Range with nonsense', { 'if-range': 'x', range }, ALL],
    ['If-Range without Range', { 'if-range': ETAG }, ALL],
    ['If-Range hides an unsatisfiable range', { 'if-range': '"x"', range: 'bytes=5000-' }, ALL],
    ['unsatisfiable', { range: 'bytes=1000-' }, '416'],
  ];
  for (const [what, headers, expected] of rows) {
    it(`${what}: ${expected}`, () => {
      expect(answer(headers)).toBe(expected);
    });
  }

  it('take a date for a strong validator only when a second has passed', () => {
    expect(answer({ 'if-range': SAME, range }, 'GET', 1_000, MODIFIED + 999)).toBe(ALL);
    expect(answer({ 'if-range': SAME, range }, 'GET', 1_000, MODIFIED + 1_000)).toBe(PART);
  });

  it('give HEAD the answer of the whole', () => {
    expect(answer({ range }, 'HEAD')).toBe(ALL);
    expect(answer({ 'if-none-match': ETAG }, 'HEAD')).toBe('304');
  });
});

describe('a range', () => {
  const rows: [string, number, string | undefined][] = [
    ['bytes=0-0', 10, '0-1'],
    ['bytes=0-9', 10, '0-10'],
    ['bytes=0-', 10, '0-10'],
    ['bytes=9-', 10, '9-10'],
    ['bytes=5-100', 10, '5-10'],
    ['bytes=-1', 10, '9-10'],
    ['bytes=-10', 10, '0-10'],
    ['bytes=-100', 10, '0-10'],
    ['BYTES=1-2', 10, '1-3'],
    ['bytes= 1-2 ', 10, '1-3'],
    ['bytes=10-', 10, 'unsatisfiable'],
    ['bytes=10-20', 10, 'unsatisfiable'],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=-5', 0, undefined],
    ['bytes=5-2', 10, undefined],
    ['bytes=-', 10, undefined],
    ['bytes=', 10, undefined],
    ['bytes=0-1,3-4', 10, undefined],
    ['bytes=a-b', 10, undefined],
    ['bytes=1', 10, undefined],
    ['bytes=0x1-2', 10, undefined],
    ['bytes 0-1', 10, undefined],
    ['items=0-1', 10, undefined],
    ['bytes=0-9999999999999999999', 10, undefined],
  ];
  for (const [header, size, expected] of rows) {
    it(`${header} of ${size} bytes is ${expected ?? 'ignored'}`, () => {
      const parsed = parseRange(header, size);
      expect(typeof parsed === 'object' ? `${parsed.from}-${parsed.to}` : parsed).toBe(expected);
    });
  }
});
