// Which forms of headers are plain, and what of a request goes over a route.
import { describe, expect, test } from 'vitest';
import { headersForRoute, readHeaders } from '../../../client/intercept/request-headers.ts';

type Headers = Parameters<typeof readHeaders>[0];

describe('reading', () => {
  const plain: [string, Headers, Record<string, string>][] = [
    ['nothing', undefined, {}],
    ['null', null, {}],
    ['an object', { Range: 'bytes=0-' }, { range: 'bytes=0-' }],
    ['a flat list', ['Range', 'bytes=0-', 'A', 'b'], { range: 'bytes=0-', a: 'b' }],
    ['pairs', new Map([['Range', 'bytes=0-']]), { range: 'bytes=0-' }],
    ['undefined values', { range: undefined, a: 'b' }, { a: 'b' }],
    ['connection: close', { Connection: 'close' }, { connection: 'close' }],
  ];
  test.each(plain)('%s', (_name, headers, expected) => {
    expect(Object.fromEntries(readHeaders(headers) ?? [['not', 'plain']])).toEqual(expected);
  });

  const unusual: [string, Headers][] = [
    ['an odd list', ['range']],
    ['a name twice', ['a', '1', 'A', '2']],
    ['a list of values', { a: ['1', '2'] }],
    ['a number', { a: 1 as unknown as string }],
    ['a line feed', { a: 'b\nc' }],
    ['a name with a blank', { 'a b': 'c' }],
    ['beyond latin1', { a: '–' }],
    ['expect', { expect: '100-continue' }],
    ['upgrade', { upgrade: 'x' }],
    ['another connection', { connection: 'x' }],
  ];
  test.each(unusual)('%s is left to undici', (_name, headers) => {
    expect(readHeaders(headers)).toBeUndefined();
  });
});

test('over a route go conditions, ranges and what identifies the program, never credentials', () => {
  const headers = readHeaders({
    authorization: 'Bearer secret',
    cookie: 'a=b',
    referer: 'http://inside.example/',
    'x-own': '1',
    'accept-encoding': 'gzip',
    range: 'bytes=5-',
    'if-range': '"x"',
    'user-agent': 'me',
  });
  expect(headersForRoute(headers ?? new Map(), {})).toEqual({
    'accept-encoding': 'identity',
    range: 'bytes=5-',
    'if-range': '"x"',
    'user-agent': 'me',
  });
  const replaced = { range: 'bytes=0-9', 'if-range': undefined, authorization: 'Bearer route' };
  expect(headersForRoute(headers ?? new Map(), replaced)).toEqual({
    'accept-encoding': 'identity',
    range: 'bytes=0-9',
    authorization: 'Bearer route',
    'user-agent': 'me',
  });
});
