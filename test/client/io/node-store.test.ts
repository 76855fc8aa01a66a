// The nodes that segments are proven against: only pages that prove themselves are kept, each node is found under its
// segment's index, and what is delivered is forgotten.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BLOCK_NODES, NodeStore } from '../../../client/io/node-store.ts';
import { HASH_BYTES, LEAF_BYTES } from '../../../protocol/limits.ts';
import { hashSegment, levelOf, nodeAt } from '../../../protocol/merkle.ts';
import { sha256 } from '../../../client/io/sha256.ts';
import { SignedObject } from './signed-object.ts';

const object = new SignedObject('a', 200 * LEAF_BYTES + 123);

const storeOf = (of: SignedObject, segmentBytes = LEAF_BYTES): NodeStore =>
  new NodeStore({ size: of.bytes.length, root: of.root }, segmentBytes);

const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex');

/** The node of a segment, computed from its bytes. */
function nodeOf(of: SignedObject, index: number, segmentBytes = LEAF_BYTES): string | undefined {
  return hex(hashSegment(of.bytes.subarray(index * segmentBytes, (index + 1) * segmentBytes), sha256));
}

describe('pages', () => {
  test.each([LEAF_BYTES, 4 * LEAF_BYTES, 32 * LEAF_BYTES])('of segments of %i bytes give the right nodes', (bytes) => {
    const store = storeOf(object, bytes);
    const count = Math.ceil(object.bytes.length / bytes);
    for (let index = 0; index < count; index += 512) expect(store.add(object.page(index, 512, bytes))).toBe(true);
    for (let index = 0; index < count; index += 1) {
      expect(hex(store.get(index))).toBe(nodeOf(object, index, bytes));
    }
  });

  test('come in any order and of any span of whole blocks; nothing is known of the others', () => {
    const store = storeOf(object);
    expect(store.get(0)).toBeUndefined();
    expect(store.add(object.page(128, 64))).toBe(true);
    expect(store.get(0)).toBeUndefined();
    expect(store.get(127)).toBeUndefined();
    expect(hex(store.get(128))).toBe(nodeOf(object, 128));
    expect(store.add(object.page(0, 128))).toBe(true);
    expect(hex(store.get(127))).toBe(nodeOf(object, 127));
  });

  test('that do not prove themselves are refused and leave nothing', () => {
    const page = object.page(0, 64);
    fc.assert(
      fc.property(fc.nat(page.nodes.length + page.path.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const nodes = page.nodes.slice();
        const path = page.path.slice();
        if (at < nodes.length) nodes[at] = (nodes[at] ?? 0) ^ change;
        else path[at - nodes.length] = (path[at - nodes.length] ?? 0) ^ change;
        const store = storeOf(object);
        expect(store.add({ ...page, nodes, path })).toBe(false);
        expect(store.get(0)).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });

  test('of another place, level or object are refused', () => {
    const page = object.page(64, 64);
    const store = storeOf(object);
    expect(store.add({ ...page, first: 0 })).toBe(false);
    expect(store.add({ ...page, level: 1 })).toBe(false);
    expect(store.add(object.page(0, 64, 2 * LEAF_BYTES)), 'proven, but of a level nobody asked for').toBe(false);
    expect(store.add(new SignedObject('a', 200 * LEAF_BYTES + 123, { seed: 2 }).page(64, 64))).toBe(false);
  });

  test('smaller than a block are of no use unless they end the object, and harm nothing', () => {
    const store = storeOf(object);
    expect(store.add(object.page(16, 16))).toBe(true);
    expect(store.get(16)).toBeUndefined();
    const small = new SignedObject('b', 3 * LEAF_BYTES);
    const ofSmall = storeOf(small);
    expect(ofSmall.add(small.page(0, 64))).toBe(true);
    expect(hex(ofSmall.get(2))).toBe(nodeOf(small, 2));
  });
});

describe('memory', () => {
  test('a block is forgotten when its last segment is delivered, and does not come back with a late page', () => {
    const store = storeOf(object);
    const page = object.page(0, 64);
    store.add(page);
    for (let index = 0; index < BLOCK_NODES - 1; index += 1) store.release(index);
    expect(store.get(0)).toBeDefined();
    store.release(BLOCK_NODES - 1);
    expect(store.get(0)).toBeUndefined();
    expect(store.add(page)).toBe(true);
    expect(store.get(0)).toBeUndefined();
  });

  test('blocks that are delivered in any order do not come back', () => {
    const store = storeOf(object);
    store.add(object.page(0, 256));
    for (const block of [2, 0, 1]) {
      for (let at = 0; at < BLOCK_NODES; at += 1) store.release(block * BLOCK_NODES + at);
      store.add(object.page(0, 256));
      expect(store.get(block * BLOCK_NODES)).toBeUndefined();
    }
    expect(hex(store.get(3 * BLOCK_NODES))).toBe(nodeOf(object, 3 * BLOCK_NODES));
  });

  test('of a transfer that begins within a block, that block is forgotten with its last wanted segment', () => {
    const store = new NodeStore({ size: object.bytes.length, root: object.root }, LEAF_BYTES, 70 * LEAF_BYTES + 5);
    const page = object.page(0, 128);
    store.add(page);
    expect(store.get(0), 'a block before the first').toBeUndefined();
    expect(hex(store.get(70))).toBe(nodeOf(object, 70));
    for (let index = 70; index < 2 * BLOCK_NODES; index += 1) store.release(index);
    expect(store.get(70)).toBeUndefined();
    store.add(page);
    expect(store.get(70)).toBeUndefined();
  });

  test('a short last block is forgotten as well', () => {
    const store = storeOf(object);
    store.add(object.page(192, 64));
    for (let index = 192; index <= 200; index += 1) store.release(index);
    expect(store.get(200)).toBeUndefined();
  });

  test('a node is a view of 32 bytes', () => {
    const store = storeOf(object);
    store.add(object.page(0, 64));
    expect(store.get(5)).toHaveLength(HASH_BYTES);
    expect(hex(store.get(5))).toBe(hex(nodeAt(object.levels[levelOf(LEAF_BYTES)]!, 5)));
  });
});
