// The index against the tree of protocol/merkle.ts: same roots, same pages, whatever the number of leaves and however
// they arrive; and what it forgets.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IndexStore } from '../../origin/index-store.ts';
import { sha256 } from '../../origin/sha256.ts';
import { HASH_BYTES, LEAF_BYTES } from '../../protocol/limits.ts';
import { buildLevels, nodeCountOf, pageAt, rootOf, verifyPage } from '../../protocol/merkle.ts';
import { bytesOf } from './fixture.ts';

const NOW = 1_000_000_000_000;
const DAY = 86_400_000;

/** Stores a tree of `count` leaves that arrive `chunk` at a time. */
function store(index: IndexStore, place: string, version: string, count: number, chunk = 32): Uint8Array {
  const leaves = bytesOf(count * HASH_BYTES, `${place}${version}`);
  const tree = index.begin(place, version, count * LEAF_BYTES, NOW);
  for (let at = 0; at < leaves.length; at += chunk * HASH_BYTES) {
    index.append(tree, leaves.subarray(at, at + chunk * HASH_BYTES));
  }
  return index.finish(tree);
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('hex');
}

describe('a stored tree', () => {
  const sizes = fc.oneof(
    fc.integer({ min: 0, max: 70 }),
    fc.integer({ min: 71, max: 3_000 }),
    fc.constantFrom(511, 512, 513, 1_023, 1_024, 1_025, 1_536, 2_048, 4_096, 4_097),
  );

  it('gives the pages that pageAt gives, and they prove themselves', () => {
    const index = new IndexStore(':memory:', NOW);
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 700 }), fc.nat(), fc.nat(13), (count, chunk, pick, power) => {
        const version = `${count}-${chunk}`;
        const root = store(index, 'p', version, count, chunk);
        const levels = buildLevels(bytesOf(count * HASH_BYTES, `p${version}`), sha256);
        expect(hex(root)).toBe(hex(rootOf(levels)));
        const size = count * LEAF_BYTES;
        for (let level = 0; level <= levels.length + 1; level += 1) {
          const span = 2 ** Math.min(power, 12);
          const at = pick % nodeCountOf(size, level);
          const page = index.page('p', version, level, at, span);
          const wanted = pageAt(levels, level, at, span);
          expect([page.level, page.first, hex(page.nodes), hex(page.path)]).toEqual([
            wanted.level,
            wanted.first,
            hex(wanted.nodes),
            hex(wanted.path),
          ]);
          expect(verifyPage(page, { size, root }, sha256)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
    index.close();
  });

  it('refuses nodes that it does not have', () => {
    const index = new IndexStore(':memory:', NOW);
    store(index, 'p', 'v', 5);
    expect(() => index.page('p', 'v', 0, 5, 1)).toThrow(expect.objectContaining({ code: 'range-not-satisfiable' }));
    expect(() => index.page('p', 'v', 3, 1, 1)).toThrow(expect.objectContaining({ code: 'range-not-satisfiable' }));
    expect(() => index.page('p', 'other', 0, 0, 1)).toThrow(expect.objectContaining({ code: 'object-changed' }));
    index.close();
  });
});

describe('the index', () => {
  it('keeps complete trees over a restart and only those', () => {
    const folder = mkdtempSync(join(tmpdir(), 'heddle-index-'));
    try {
      const file = join(folder, 'index.sqlite');
      const first = new IndexStore(file, NOW);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const root = store(first, 'dir:x/a', 'v1', 1_000);
      first.append(first.begin('dir:x/b', 'v1', 100 * LEAF_BYTES, NOW), bytesOf(64 * HASH_BYTES));
      first.close();
      const second = new IndexStore(file, NOW);
      expect(hex(second.find('dir:x/a', 'v1'))).toBe(hex(root));
      expect(second.find('dir:x/a', 'v2')).toBeUndefined();
      expect(second.find('dir:x/b', 'v1')).toBeUndefined();
      expect(
        second
          .roots([
            ['dir:x/b', 'v1'],
            ['dir:x/a', 'v1'],
          ])
          .map(hex),
      ).toEqual([undefined, hex(root)]);
      expect(hex(second.page('dir:x/a', 'v1', 0, 600, 64).nodes)).toBe(
        hex(bytesOf(1_000 * HASH_BYTES, 'dir:x/av1').subarray(576 * HASH_BYTES, 640 * HASH_BYTES)),
      );
      second.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('forgets the older version when the newer is complete, and not before', () => {
    const index = new IndexStore(':memory:', NOW);
    store(index, 'p', 'v1', 10);
    const tree = index.begin('p', 'v2', 2 * LEAF_BYTES, NOW);
    index.append(tree, bytesOf(2 * HASH_BYTES));
    expect(index.find('p', 'v1')).toBeDefined();
    index.finish(tree);
    expect(index.find('p', 'v1')).toBeUndefined();
    expect(index.find('p', 'v2')).toBeDefined();
    index.close();
  });

  it('forgets what was abandoned, what is told to be gone, and what a dead process left behind', () => {
    const folder = mkdtempSync(join(tmpdir(), 'heddle-index-'));
    try {
      const file = join(folder, 'index.sqlite');
      const index = new IndexStore(file, NOW);
      const places = (prefix: string): string[] => index.places(prefix, '', 10);
      for (const place of ['dir:a/x', 'dir:a/y', 'dir:ab/x']) store(index, place, 'v', 3);
      expect(places('dir:a/')).toEqual(['dir:a/x', 'dir:a/y']);
      index.forget(['dir:a/y']);
      expect(places('dir:')).toEqual(['dir:a/x', 'dir:ab/x']);
      index.abandon(index.begin('dir:a/z', 'v', 1, NOW));
      expect(places('dir:a/')).toEqual(['dir:a/x']);
      index.begin('dir:a/left', 'v', 1, NOW);
      // Another process has it open too; what is younger than a day may still be its work.
      new IndexStore(file, NOW + DAY / 2).close();
      expect(places('dir:a/')).toEqual(['dir:a/left', 'dir:a/x']);
      new IndexStore(file, NOW + 2 * DAY).close();
      expect(places('dir:a/')).toEqual(['dir:a/x']);
      index.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('gives places page by page, those of one prefix only', () => {
    const index = new IndexStore(':memory:', NOW);
    for (const place of ['a/\u{1f600}', 'a/2', 'a/\uffee', 'a/1', 'b/1', 'a', 'a/3']) store(index, place, 'v', 3);
    store(index, 'a/1', 'w', 3);
    expect(index.places('a/', 'a/', 2)).toEqual(['a/1', 'a/2']);
    expect(index.places('a/', 'a/2', 10)).toEqual(['a/3', 'a/\uffee', 'a/\u{1f600}']);
    expect(index.places('a/', 'a/\u{1f600}', 10)).toEqual([]);
    index.close();
  });
});
