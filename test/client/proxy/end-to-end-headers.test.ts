// Which headers pass the local proxy, in their order and case.
import { expect, test } from 'vitest';
import { answerHeaders, requestHeaders } from '../../../client/proxy/end-to-end-headers.ts';

const RAW = [
  ...['Host', 'data.example', 'Connection', 'keep-alive, X-Hop', 'X-Hop', '1', 'Keep-Alive', 'timeout=5'],
  ...['Proxy-Authorization', 'Basic x', 'Proxy-Connection', 'keep-alive', 'TE', 'trailers', 'Upgrade', 'h2c'],
  ...['Transfer-Encoding', 'chunked', 'Expect', '100-continue', 'Trailer', 'X-Sum'],
  ...['Content-Length', '5', 'X-Twice', '1', 'x-twice', '2', 'Cookie', 'a=b'],
];

test('requests lose what is of one connection or for a proxy', () => {
  expect(requestHeaders(RAW)).toEqual(['Content-Length', '5', 'X-Twice', '1', 'x-twice', '2', 'Cookie', 'a=b']);
});

test('answers keep what requests are made anew with', () => {
  expect(answerHeaders(RAW)).toEqual([
    ...['Host', 'data.example', 'Expect', '100-continue', 'Trailer', 'X-Sum'],
    ...['Content-Length', '5', 'X-Twice', '1', 'x-twice', '2', 'Cookie', 'a=b'],
  ]);
});

test('nothing is nothing', () => {
  expect([requestHeaders([]), answerHeaders([])]).toEqual([[], []]);
});
