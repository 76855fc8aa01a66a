// Which limit a head met that is none, and what its sender is told.
import { expect, test } from 'vitest';
import { badHeadOf, HEAD_LIMITS } from '../../protocol/bad-head.ts';

test.each([
  ['HPE_HEADER_OVERFLOW', 'head-bytes', '431 Request Header Fields Too Large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', 'head-time', '408 Request Timeout'],
  ['HPE_INVALID_METHOD', undefined, '400 Bad Request'],
  ['HPE_INVALID_EOF_STATE', undefined, '400 Bad Request'],
])('%s', (code, limit, status) => {
  const bad = badHeadOf(code);
  expect(bad).toEqual({ limit, answer: `HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n` });
  if (limit !== undefined) expect(HEAD_LIMITS).toContain(limit);
});

test('a connection that broke is no bad head', () => {
  expect(badHeadOf('ECONNRESET')).toBeUndefined();
});
