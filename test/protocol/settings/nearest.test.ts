// Which known word an unknown one was meant to be, and when none was.
import { expect, test } from 'vitest';
import { nearest } from '../../../protocol/settings/nearest.ts';

const KNOWN = ['listen', 'admin', 'upstreams', 'tokenKeys', 'insecureOpen', 'maxSessions', 'maxConnections'];

test.each<[word: string, meant: string | undefined]>([
  ['lisen', 'listen'],
  ['listne', 'listen'],
  ['Listen', 'listen'],
  ['upstream', 'upstreams'],
  ['token-keys', 'tokenKeys'],
  ['TOKEN_KEYS', 'tokenKeys'],
  ['maxSesions', 'maxSessions'],
  ['maxConections', 'maxConnections'],
  ['insecure', undefined],
  ['colour', undefined],
  ['a', undefined],
  ['', undefined],
  ['x'.repeat(10_000), undefined],
])('%s', (word, meant) => {
  expect(nearest(word, KNOWN)).toBe(meant);
});
