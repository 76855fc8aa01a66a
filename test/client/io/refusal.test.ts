// What an answer that is no upgrade means: a documented code whatever the server writes, and a bounded pause.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isWholeBody, refusalOf } from '../../../client/io/refusal.ts';
import { ERROR_CODES } from '../../../protocol/errors.ts';
import type { ResponseHead } from '../../../protocol/http-head.ts';

const head = (status: number, headers: Readonly<Record<string, string>> = {}): ResponseHead => ({
  status,
  headers: new Map(Object.entries(headers)),
  bytes: 0,
});

describe('code', () => {
  test.each([
    [404, 'object-not-found'],
    [410, 'object-not-found'],
    [416, 'range-not-satisfiable'],
    [400, 'bad-request'],
    [401, 'refused'],
    [403, 'refused'],
    [429, 'overloaded'],
    [503, 'overloaded'],
    [502, 'unreachable'],
    [504, 'timeout'],
    [508, 'loop-detected'],
    [200, 'handshake-failed'],
    [302, 'handshake-failed'],
  ])('HTTP %i without a problem document is %s', (status, code) => {
    expect(refusalOf(head(status), '')).toMatchObject({ code });
  });

  test('a problem document says it better than the status', () => {
    const body = JSON.stringify({ type: 'about:blank', status: 503, code: 'not-indexed', detail: 'in a moment' });
    expect(refusalOf(head(503), body)).toMatchObject({ code: 'not-indexed', text: 'in a moment' });
  });

  test('a code of a newer server is not believed', () => {
    expect(refusalOf(head(404), '{"code":"gone-fishing"}')).toMatchObject({ code: 'object-not-found' });
    expect(refusalOf(head(404), '{"code":"toString"}')).toMatchObject({ code: 'object-not-found' });
  });

  test('whatever the body, there is a documented code and one short printable line', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), fc.oneof(fc.string(), fc.json()), (status, body) => {
        const { code, text } = refusalOf(head(status), body);
        expect(Object.keys(ERROR_CODES)).toContain(code);
        expect(text).toMatch(/^[\x20-\x7e]*$/);
        expect(text.length).toBeLessThanOrEqual(300);
      }),
    );
  });

  test('a detail cannot paint the terminal', () => {
    const body = JSON.stringify({ detail: '\u001b[2Jgone\nnext line' });
    expect(refusalOf(head(403), body).text).toBe('?[2Jgone?next line');
  });
});

describe('pause', () => {
  test.each([400, 401, 403, 404, 416])('HTTP %i: asking again is of no use', (status) => {
    expect(refusalOf(head(status, { 'retry-after': '1' }), '').retryAfterMs).toBeUndefined();
  });

  test.each([429, 500, 502, 503, 504])('HTTP %i: asking again later is', (status) => {
    expect(refusalOf(head(status), '').retryAfterMs).toBeGreaterThan(0);
    expect(refusalOf(head(status, { 'retry-after': '3' }), '').retryAfterMs).toBe(3_000);
  });

  test('a date is understood; one long past means now', () => {
    const past = refusalOf(head(503, { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }), '');
    expect(past.retryAfterMs).toBe(0);
    const soon = new Date(Date.now() + 30_000).toUTCString();
    const { retryAfterMs = 0 } = refusalOf(head(503, { 'retry-after': soon }), '');
    expect(retryAfterMs).toBeGreaterThan(20_000);
    expect(retryAfterMs).toBeLessThanOrEqual(30_000);
  });

  test('nonsense and endless pauses are bounded', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double().map(String), fc.constant('1e99')), (value) => {
        const { retryAfterMs } = refusalOf(head(503, { 'retry-after': value }), '');
        expect(retryAfterMs).toBeGreaterThanOrEqual(0);
        expect(retryAfterMs).toBeLessThanOrEqual(60_000);
      }),
    );
  });
});

describe('body', () => {
  test.each([
    ['by its length', { 'content-length': '3' }, ['', 'ab'], 'abc'],
    [
      'by its last chunk',
      { 'transfer-encoding': 'Chunked' },
      ['', '3\r\nabc\r\n', '10\r\n\r\n'],
      '1\r\na\r\n0\r\n\r\n',
    ],
    ['when there is enough of it', {}, ['', 'a'.repeat(1_000)], 'a'.repeat(20_000)],
    ['when there is enough of it, whatever its length', { 'content-length': '1e9' }, ['a'], 'a'.repeat(20_000)],
  ])('is whole %s', (_, headers, parts, whole) => {
    for (const part of parts) expect(isWholeBody(head(404, headers), part)).toBe(false);
    expect(isWholeBody(head(404, headers), whole)).toBe(true);
  });

  test.each([100, 204, 304])('HTTP %i has none', (status) => {
    expect(isWholeBody(head(status), '')).toBe(true);
  });
});
