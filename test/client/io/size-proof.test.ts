// What proves the size of an object: honest pages always do, and nothing that can be made of a tree proves more leaves
// than it has.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SizeProof, tellingLeaves } from '../../../client/io/size-proof.ts';
import { sha256 } from '../../../client/io/sha256.ts';
import type { ProofPage } from '../../../protocol/frames.ts';
import { HASH_BYTES, LEAF_BYTES } from '../../../protocol/limits.ts';
import { buildLevels, nodeAt, pageAt, rootOf } from '../../../protocol/merkle.ts';

/** The turns from the root of a tree of `leaves` leaves to leaf `index`. */
function pathTo(index: number, leaves: number): string {
  if (leaves === 1) return '';
  const left = 2 ** Math.ceil(Math.log2(leaves) - 1);
  return index < left ? `L${pathTo(index, left)}` : `R${pathTo(index - left, leaves - left)}`;
}

/** True when a tree of `leaves` leaves has a node at the end of that path: what a page can show of it. */
function has(path: string, leaves: number): boolean {
  if (path === '') return true;
  if (leaves === 1) return false;
  const left = 2 ** Math.ceil(Math.log2(leaves) - 1);
  return path.startsWith('L') ? has(path.slice(1), left) : has(path.slice(1), leaves - left);
}

function treeOf(leaves: number): Uint8Array[] {
  const nodes = new Uint8Array(leaves * HASH_BYTES);
  for (let leaf = 0; leaf < leaves; leaf += 1) nodes.set(sha256(Uint8Array.of(0), Buffer.from(`${leaf}`)), leaf * 32);
  return buildLevels(nodes, sha256);
}

describe('telling leaves', () => {
  test('of any number of leaves are there in a tree of that many, and never all in one of fewer', () => {
    for (let truth = 1; truth <= 140; truth += 1) {
      for (let claim = 1; claim <= 140; claim += 1) {
        const shown = tellingLeaves(claim).every((leaf) => has(pathTo(leaf, claim), truth));
        if (claim === truth) expect(shown).toBe(true);
        else if (shown) expect(claim, `${claim} claimed of ${truth}`).toBeLessThan(truth);
      }
    }
  });

  test('are few, however large the object', () => {
    expect(tellingLeaves(0)).toEqual([]);
    expect(tellingLeaves(1)).toEqual([0]);
    expect(tellingLeaves(7)).toEqual([0, 4, 6]);
    expect(tellingLeaves(8)).toEqual([0, 7]);
    expect(tellingLeaves(2 ** 32 - 1)).toHaveLength(32);
  });
});

describe('proof', () => {
  test('honest pages prove the true size, whatever their span', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.constantFrom(1, 2, 8, 64), (leaves, span) => {
        const levels = treeOf(leaves);
        const proof = new SizeProof({ size: leaves * LEAF_BYTES, root: rootOf(levels) });
        for (const leaf of [...proof.wanted]) expect(proof.add(pageAt(levels, 0, leaf, span))).toBe(true);
        expect(proof.wanted).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  test('no page made of the nodes of a tree proves a larger one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.tuple(fc.nat(30), fc.array(fc.nat(30), { maxLength: 6 })), { maxLength: 200 }),
        (leaves, more, tries) => {
          const levels = treeOf(leaves);
          const all = levels.flatMap((level) =>
            Array.from({ length: level.length / 32 }, (_, at) => at).map((at) => nodeAt(level, at)),
          );
          const pick = (at: number): Uint8Array => all[at % all.length] ?? new Uint8Array(32);
          const claim = leaves + more;
          const proof = new SizeProof({ size: claim * LEAF_BYTES, root: rootOf(levels) });
          for (const [node, path] of tries) {
            for (const first of tellingLeaves(claim)) {
              const page: ProofPage = { level: 0, first, nodes: pick(node), path: Buffer.concat(path.map(pick)) };
              proof.add(page);
            }
          }
          expect(proof.wanted).not.toEqual([]);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('an inner node may pass for a leaf: a smaller size proves itself, and only the larger one shows that it lies', () => {
    const levels = treeOf(7);
    const root = rootOf(levels);
    const six = new SizeProof({ size: 6 * LEAF_BYTES, root });
    const [pair, left] = [nodeAt(levels[1] ?? root, 2), nodeAt(levels[2] ?? root, 0)];
    const last = nodeAt(levels[0] ?? root, 6);
    expect(six.add({ level: 0, first: 4, nodes: Buffer.concat([pair, last]), path: left })).toBe(true);
    expect(six.add(pageAt(levels, 0, 0, 1))).toBe(true);
    expect(six.wanted).toEqual([]);
    expect(new SizeProof({ size: 8 * LEAF_BYTES, root }).add(pageAt(levels, 0, 6, 1))).toBe(false);
  });

  test('pages of higher levels prove nothing, and false ones are told', () => {
    const levels = treeOf(9);
    const proof = new SizeProof({ size: 9 * LEAF_BYTES, root: rootOf(levels) });
    expect(proof.add(pageAt(levels, 1, 0, 1))).toBe(true);
    expect(proof.wanted).toEqual([0, 8]);
    const page = pageAt(levels, 0, 0, 1);
    expect(proof.add({ ...page, nodes: page.nodes.map((byte) => byte ^ 1) })).toBe(false);
  });
});
