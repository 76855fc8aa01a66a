// How many run at one time: never more than four, never two large or unknown ones, all of them in the end.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inTurn } from '../../../client/commands/in-turn.ts';

const SMALL = 1_000;
const LARGE = 100_000_000;

/** Lets everything run that can. */
const settled = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

test('small ones together, large and unknown ones alone of their kind, whatever their order', async () => {
  const sizes = fc.array(fc.constantFrom(SMALL, LARGE, undefined), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.infiniteStream(fc.nat()), async (all, dice) => {
      const running: { readonly bytes: number | undefined; readonly end: () => void }[] = [];
      const ended: number[] = [];
      let [most, mostLarge] = [0, 0];
      const work = async (each: { readonly at: number; readonly bytes: number | undefined }): Promise<void> => {
        const { promise, resolve } = Promise.withResolvers<void>();
        const entry = { bytes: each.bytes, end: resolve };
        running.push(entry);
        most = Math.max(most, running.length);
        mostLarge = Math.max(mostLarge, running.filter(({ bytes }) => bytes !== SMALL).length);
        await promise;
        running.splice(running.indexOf(entry), 1);
        ended.push(each.at);
      };
      const done = inTurn(
        all.map((bytes, at) => ({ at, bytes })),
        work,
        new AbortController().signal,
      );
      while (ended.length < all.length) {
        await settled();
        running[(dice.next().value ?? 0) % running.length]?.end();
        await settled();
      }
      await done;
      expect(most).toBeLessThanOrEqual(4);
      expect(mostLarge).toBeLessThanOrEqual(1);
      expect(ended.toSorted((a, b) => a - b)).toEqual(all.map((_, at) => at));
    }),
    { numRuns: 60 },
  );
});

test('four small ones run at once; one whose size turns out small makes room', async () => {
  const begun: number[] = [];
  const tell: ((bytes: number) => void)[] = [];
  const stopped = new AbortController();
  const ends: (() => void)[] = [];
  const done = inTurn(
    [undefined, undefined, SMALL, SMALL, SMALL].map((bytes, at) => ({ at, bytes })),
    async ({ at }, sized) => {
      begun.push(at);
      tell.push(sized);
      const { promise, resolve } = Promise.withResolvers<void>();
      ends.push(resolve);
      await promise;
    },
    stopped.signal,
  );
  await settled();
  expect(begun).toEqual([0]);
  tell[0]?.(SMALL);
  await settled();
  expect(begun).toEqual([0, 1, 2, 3]);
  stopped.abort();
  for (const end of ends) end();
  await done;
  expect(begun).toEqual([0, 1, 2, 3]);
});
