// The set of indexes against the language's own.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IndexSet } from '../../protocol/index-set.ts';

const near = fc.integer({ min: 0, max: 5_000 });
const index = fc.oneof(near, fc.integer({ min: 0xffff_f000, max: 0xffff_fffe }));
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('add' as const), index }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('run' as const), index: near }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('below' as const), index }) },
);

test('holds what was added and not forgotten, as a Set does', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(index, { maxLength: 20 }), (steps, asked) => {
      const set = new IndexSet();
      const model = new Set<number>();
      const add = (added: number): void => {
        set.add(added);
        model.add(added);
      };
      for (const { type, index: at } of steps) {
        if (type === 'add') add(at);
        else if (type === 'run') for (let next = at; next < at + 100; next += 1) add(next);
        else {
          set.deleteBelow(at);
          for (const known of model) if (known < at) model.delete(known);
        }
        expect(set.size).toBe(model.size);
      }
      for (const at of [...asked, ...model]) expect(set.has(at)).toBe(model.has(at));
    }),
    { numRuns: 300 },
  );
});

test('the edges of words and chunks', () => {
  const set = new IndexSet();
  const edges = [0, 31, 32, 63, 1_023, 1_024, 2_047, 2_048, 0xffff_fffe];
  for (const edge of edges) set.add(edge);
  for (const [at, edge] of edges.entries()) {
    set.deleteBelow(edge);
    expect([set.has(edge), set.has(edges[at - 1] ?? 7), set.size]).toEqual([true, false, edges.length - at]);
  }
});
