// The hash of the tree: SHA-256 over prefix and data together, whatever their lengths, in memory of its own.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256 } from '../../../client/io/sha256.ts';

test('is SHA-256 of both one after the other', () => {
  const data = fc.oneof(fc.uint8Array({ maxLength: 130 }), fc.constant(new Uint8Array(32_768).fill(7)));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3 }), data, (prefix, bytes) => {
      const expected = createHash('sha256')
        .update(Buffer.concat([prefix, bytes]))
        .digest();
      expect(Buffer.compare(sha256(prefix, bytes), expected)).toBe(0);
    }),
  );
});

test('nobody writes to a digest again', () => {
  const digests = [1, 2, 3].map((byte) => sha256(Uint8Array.of(0), Uint8Array.of(byte)));
  const copies = digests.map((digest) => digest.slice());
  for (let turn = 0; turn < 100; turn += 1) sha256(Uint8Array.of(1), new Uint8Array(64).fill(turn));
  expect(digests.map((digest) => Buffer.from(digest).toString('hex'))).toEqual(
    copies.map((digest) => Buffer.from(digest).toString('hex')),
  );
});

test('what lies before the data in memory is not mistaken for the prefix', () => {
  const memory = new Uint8Array(new SharedArrayBuffer(1 + 32_768)).fill(7);
  const data = memory.subarray(1);
  for (const before of [0, 1, 2]) {
    memory[0] = before;
    for (const prefix of [[], [0], [1], [0, 1]]) {
      const expected = createHash('sha256').update(Uint8Array.from(prefix)).update(data).digest();
      expect(Buffer.compare(sha256(Uint8Array.from(prefix), data), expected)).toBe(0);
    }
  }
});
