// The tree against a direct reading of RFC 9162 section 2.1.1, and every page against every way of spoiling it.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProofPage } from '../../protocol/frames.ts';
import { HASH_BYTES, LEAF_BYTES } from '../../protocol/limits.ts';
import {
  buildLevels,
  hashLeaf,
  hashSegment,
  leafCountOf,
  lengthOfSegment,
  levelOf,
  nextLevel,
  nodeAt,
  nodeCountOf,
  pageAt,
  rootOf,
  segmentCountOf,
  verifyPage,
} from '../../protocol/merkle.ts';

const sha256 = (prefix: Uint8Array, data: Uint8Array): Uint8Array =>
  createHash('sha256').update(prefix).update(data).digest();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const powers = [0, 1, 2, 3, 4, 5, 6, 7, 8];

/** MTH of the RFC, written as the RFC writes it. */
function directRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return createHash('sha256').digest();
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  const both = [directRoot(leaves.slice(0, split)), directRoot(leaves.slice(split))];
  return createHash('sha256').update(Uint8Array.of(1)).update(Buffer.concat(both)).digest();
}

/** `count` different leaf hashes. */
function leavesOf(count: number, seed = 0): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => sha256(Uint8Array.of(0), Buffer.from(`${seed}/${index}`)));
}

function treeOf(count: number, seed = 0): { levels: Uint8Array[]; size: number; root: Uint8Array } {
  const levels = buildLevels(Buffer.concat(leavesOf(count, seed)), sha256);
  return { levels, size: count * LEAF_BYTES, root: rootOf(levels) };
}

const leafCounts = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.constantFrom(...[1, 2, 4, 8, 16, 64, 128, 256].flatMap((power) => [power - 1, power, power + 1])),
);

describe('the tree', () => {
  it('has the roots of RFC 9162 for known inputs', () => {
    expect(hex(hashSegment(new Uint8Array(0), sha256))).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    expect(hex(hashLeaf(new Uint8Array(0), sha256))).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    );
    // certificate-transparency-go's test vectors: leaves "" and 00.
    const two = Buffer.concat([hashLeaf(new Uint8Array(0), sha256), hashLeaf(Uint8Array.of(0), sha256)]);
    expect(hex(rootOf(buildLevels(two, sha256)))).toBe(
      'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    );
  });

  it('promotes odd nodes to the same root as splitting at the largest power of two', () => {
    for (let count = 0; count <= 130; count += 1) {
      expect(hex(treeOf(count).root)).toBe(hex(directRoot(leavesOf(count))));
    }
    fc.assert(
      fc.property(fc.integer({ min: 131, max: 3_000 }), (count) => {
        expect(hex(treeOf(count).root)).toBe(hex(directRoot(leavesOf(count))));
      }),
      { numRuns: 10 },
    );
  });

  it('can be continued from any level', () => {
    fc.assert(
      fc.property(leafCounts, fc.nat(9), (count, level) => {
        const { levels, root } = treeOf(count);
        const row = levels[Math.min(level, levels.length - 1)] as Uint8Array;
        expect(hex(rootOf(buildLevels(row, sha256)))).toBe(hex(root));
      }),
    );
  });

  it('has as many nodes on each level as nodeCountOf says', () => {
    fc.assert(
      fc.property(leafCounts, (count) => {
        const { levels, size } = treeOf(count);
        for (const [level, row] of levels.entries()) expect(row.length / HASH_BYTES).toBe(nodeCountOf(size, level));
        expect(nodeCountOf(size, levels.length)).toBe(1);
      }),
    );
  });

  it('leaves one node and the promoted nodes alone', () => {
    const [a, b, c] = leavesOf(3) as [Uint8Array, Uint8Array, Uint8Array];
    expect(hex(nextLevel(a, sha256))).toBe(hex(a));
    expect(hex(nextLevel(Buffer.concat([a, b, c]), sha256).subarray(HASH_BYTES))).toBe(hex(c));
  });
});

describe('segments', () => {
  const sizes = [
    0,
    1,
    LEAF_BYTES - 1,
    LEAF_BYTES,
    LEAF_BYTES + 1,
    3 * LEAF_BYTES,
    8 * LEAF_BYTES - 1,
    8 * LEAF_BYTES + 1,
  ];

  it('are the nodes of their level, whatever the segment size', () => {
    for (const size of [...sizes, 13 * LEAF_BYTES + 77]) {
      const bytes = new Uint8Array(size).map((_, index) => (index * 7) % 251);
      const leaves = Array.from({ length: leafCountOf(size) }, (_, index) =>
        hashLeaf(bytes.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES), sha256),
      );
      const levels = buildLevels(Buffer.concat(leaves), sha256);
      for (const segmentBytes of [0, 1, 2, 3, 5].map((power) => LEAF_BYTES * 2 ** power)) {
        const row = levels[Math.min(levelOf(segmentBytes), levels.length - 1)] as Uint8Array;
        for (let index = 0; index < segmentCountOf(size, segmentBytes); index += 1) {
          const start = index * segmentBytes;
          const payload = bytes.subarray(start, start + lengthOfSegment(index, size, segmentBytes));
          expect(hex(hashSegment(payload, sha256))).toBe(hex(nodeAt(row, index)));
        }
      }
    }
  });

  it('add up to the object', () => {
    for (const size of sizes) {
      for (const segmentBytes of [LEAF_BYTES, 4 * LEAF_BYTES]) {
        const count = segmentCountOf(size, segmentBytes);
        let sum = 0;
        for (let index = 0; index < count; index += 1) sum += lengthOfSegment(index, size, segmentBytes);
        expect(sum).toBe(size);
        expect(lengthOfSegment(count, size, segmentBytes)).toBe(0);
      }
    }
  });

  it('have the level that is the logarithm of their leaves', () => {
    expect(powers.map((power) => levelOf(LEAF_BYTES * 2 ** power))).toEqual(powers);
  });
});

describe('pages', () => {
  it('prove every node of every level, whatever their span', () => {
    fc.assert(
      fc.property(leafCounts, fc.nat(9), fc.nat(10), (count, level, spanPower) => {
        const { levels, size, root } = treeOf(count);
        const width = nodeCountOf(size, level);
        const row = levels[Math.min(level, levels.length - 1)] as Uint8Array;
        for (let index = 0; index < width; index += 1) {
          const page = pageAt(levels, level, index, 2 ** spanPower);
          expect(page.first % 2 ** spanPower).toBe(0);
          expect(hex(nodeAt(page.nodes, index - page.first))).toBe(hex(nodeAt(row, index)));
          expect(verifyPage(page, { size, root }, sha256)).toBe(true);
        }
        expect(() => pageAt(levels, level, width, 1)).toThrow(/holds node/);
      }),
      { numRuns: 60 },
    );
  });

  it('are the same when only the higher levels are kept', () => {
    const { levels } = treeOf(77);
    for (let base = 1; base < levels.length; base += 1) {
      expect(pageAt(levels.slice(base), base, 0, 4, base)).toEqual(pageAt(levels, base, 0, 4));
      expect(pageAt(levels.slice(base), base + 1, 0, 1, base)).toEqual(pageAt(levels, base + 1, 0, 1));
    }
    expect(() => pageAt(levels.slice(2), 1, 0, 1, 2)).toThrow(/holds node/);
  });

  it('prove nodes of objects far beyond what bit operations reach', () => {
    // 2^37 + 1 leaves: the last leaf is promoted up to the root, whose left half may be any hash.
    const size = (2 ** 37 + 1) * LEAF_BYTES;
    const [left, last] = leavesOf(2) as [Uint8Array, Uint8Array];
    const root = sha256(Uint8Array.of(1), Buffer.concat([left, last]));
    const page: ProofPage = { level: 0, first: 2 ** 37, nodes: last, path: left };
    expect(verifyPage(page, { size, root }, sha256)).toBe(true);
    expect(verifyPage({ ...page, first: 0 }, { size, root }, sha256)).toBe(false);
  });

  it('fail with any bit flipped in a node, the path or the root', () => {
    const page = fc.record({ count: fc.integer({ min: 1, max: 70 }), level: fc.nat(3), at: fc.nat(), span: fc.nat(4) });
    fc.assert(
      fc.property(page, fc.nat(), ({ count, level, at, span }, bit) => {
        const { levels, size, root } = treeOf(count);
        const { first, nodes, path } = pageAt(levels, level, at % nodeCountOf(size, level), 2 ** span);
        const all = Buffer.concat([nodes, path, root]);
        const place = bit % (all.length * 8);
        all.writeUInt8(all.readUInt8(place >> 3) ^ (1 << (place & 7)), place >> 3);
        const spoiled = {
          level,
          first,
          nodes: all.subarray(0, nodes.length),
          path: all.subarray(nodes.length, -HASH_BYTES),
        };
        expect(verifyPage(spoiled, { size, root: all.subarray(-HASH_BYTES) }, sha256)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('fail in every other shape: moved, raised, shortened, lengthened, with more or less path', () => {
    const page = fc.record({ count: fc.integer({ min: 2, max: 70 }), level: fc.nat(3), at: fc.nat(), span: fc.nat(4) });
    fc.assert(
      fc.property(page, ({ count, level, at, span }) => {
        const { levels, size, root } = treeOf(count);
        const width = nodeCountOf(size, level);
        const good = pageAt(levels, level, at % width, 2 ** span);
        const check = (change: Partial<ProofPage>, object = { size, root }): boolean =>
          verifyPage({ ...good, ...change }, object, sha256);
        expect(check({})).toBe(true);
        for (let first = -2; first <= width + 2; first += 1) {
          if (first !== good.first) expect(check({ first })).toBe(false);
        }
        expect(check({ nodes: good.nodes.subarray(HASH_BYTES) })).toBe(false);
        expect(check({ nodes: good.nodes.subarray(0, -HASH_BYTES) })).toBe(false);
        expect(check({ nodes: good.nodes.subarray(1) })).toBe(false);
        expect(check({ nodes: new Uint8Array(0) })).toBe(false);
        expect(check({ nodes: Buffer.concat([good.nodes, good.nodes.subarray(-HASH_BYTES)]) })).toBe(false);
        expect(check({ path: Buffer.concat([good.path, root]) })).toBe(false);
        expect(check({ path: Buffer.concat([good.path, Uint8Array.of(0)]) })).toBe(false);
        if (good.path.length > 0) {
          expect(check({ path: good.path.subarray(HASH_BYTES) })).toBe(false);
          expect(check({ path: good.path.subarray(1) })).toBe(false);
        }
        expect(check({}, { size, root: root.subarray(1) })).toBe(false);
        expect(check({ first: good.first + 0.5 })).toBe(false);
        expect(check({ level: level - 1 + 0.5 })).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  it('cannot hold nodes of two levels, though their hashes add up', () => {
    const { levels, size, root } = treeOf(8);
    const [leaves, above] = levels as [Uint8Array, Uint8Array];
    const nodes = Buffer.concat([leaves.subarray(0, 2 * HASH_BYTES), nodeAt(above, 1)]);
    const { path } = pageAt(levels, 0, 0, 4);
    expect(verifyPage({ level: 0, first: 0, nodes, path }, { size, root }, sha256)).toBe(false);
    expect(verifyPage({ level: 0, first: 0, nodes: above, path: new Uint8Array(0) }, { size, root }, sha256)).toBe(
      false,
    );
  });

  it('have a power of two as their span', () => {
    const { levels } = treeOf(8);
    for (const span of [0, -1, 3, 1.5, Number.NaN]) expect(() => pageAt(levels, 0, 0, span)).toThrow(/no page/);
    for (const index of [-1, 0.5, Number.NaN]) expect(() => pageAt(levels, 0, index, 1)).toThrow(/no page/);
  });

  it('cannot be passed off as another level, except the root above itself', () => {
    for (let count = 2; count <= 20; count += 1) {
      const { levels, size, root } = treeOf(count);
      for (let level = 0; level < levels.length; level += 1) {
        const page = pageAt(levels, level, 0, 1);
        for (let claimed = 0; claimed < levels.length; claimed += 1) {
          expect(verifyPage({ ...page, level: claimed }, { size, root }, sha256)).toBe(claimed === level);
        }
      }
      expect(verifyPage({ level: 40, first: 0, nodes: root, path: new Uint8Array(0) }, { size, root }, sha256)).toBe(
        true,
      );
    }
  });

  it('never call an object empty that is not', () => {
    const { root } = treeOf(3);
    const page: ProofPage = { level: 0, first: 0, nodes: root, path: new Uint8Array(0) };
    expect(verifyPage(page, { size: 0, root }, sha256)).toBe(false);
    const empty = hashSegment(new Uint8Array(0), sha256);
    expect(verifyPage({ ...page, nodes: empty }, { size: 0, root: empty }, sha256)).toBe(true);
    expect(verifyPage({ ...page, nodes: empty }, { size: 0, root }, sha256)).toBe(false);
  });
});
