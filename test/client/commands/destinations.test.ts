// Whatever keys there are: every path lies below the folder, no two are in each other's way, and each key has a path or a
// reason why not.
import { resolve, sep } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { destinationsOf } from '../../../client/commands/destinations.ts';

const FOLDER = '/served/copies';

const part = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('a', 'b', 'a.part', 'b.part', 'a.part.lock', 'a.part.record', 'a.partition'),
  },
  fc.constantFrom('..', '.', '', '\\', 'a\\b', '\u0000', '\u001b', '~', 'C:', '%2e%2e', '%2F'),
  fc.string({ unit: 'binary', maxLength: 4 }),
);
const key = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));

test('paths stay below the folder and out of each other’s way', () => {
  fc.assert(
    fc.property(fc.array(key, { maxLength: 12 }), (keys) => {
      const all = destinationsOf(
        keys.map((each) => ({ key: each, bytes: undefined })),
        FOLDER,
      );
      expect(all.map((each) => each.key)).toEqual([...new Set(keys)]);
      const paths = all.flatMap((each) => ('path' in each ? [each.path] : []));
      for (const path of paths) expect(resolve(path)).toBe(path);
      for (const path of paths) expect(path.startsWith(FOLDER + sep)).toBe(true);
      const written = paths.flatMap((path) =>
        ['', '.part', '.part.record', '.part.lock'].map((suffix) => path + suffix),
      );
      expect(new Set(written).size).toBe(written.length);
      for (const one of written) {
        for (const path of paths) expect(path.startsWith(one + sep)).toBe(false);
      }
    }),
  );
});

test.each([
  [['a', 'a/b'], 'a/b'],
  [['a/b', 'a'], 'a'],
  [['a', 'a.part'], 'a.part'],
  [['a.part', 'a'], 'a'],
  [['a', 'a.part.lock/x'], 'a.part.lock/x'],
])('of %j, %s is refused: the first counts', (keys, refused) => {
  const all = destinationsOf(
    keys.map((each) => ({ key: each, bytes: 1 })),
    FOLDER,
  );
  expect(all.filter((each) => 'refusal' in each).map((each) => each.key)).toEqual([refused]);
});

test('what only looks like the name of an unfinished file has its place', () => {
  const keys = ['a', 'a.partition', 'a.parts', 'b.part', 'c/a.part'];
  const all = destinationsOf(
    keys.map((each) => ({ key: each, bytes: 1 })),
    'out',
  );
  expect(all.map((each) => ('path' in each ? each.path : undefined))).toEqual(keys.map((each) => `out/${each}`));
});
