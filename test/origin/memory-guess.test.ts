// When an open file is taken to lie in memory, and what takes that back.
import { expect, test } from 'vitest';
import { MemoryGuess } from '../../origin/memory-guess.ts';

const MEBIBYTE = 1_048_576;

/** A guess with counters and a clock of the test's own. */
function makeGuess() {
  const state = { fsRead: 0, voluntaryContextSwitches: 0, now: 0 };
  const guess = new MemoryGuess(
    () => ({ fsRead: state.fsRead, voluntaryContextSwitches: state.voluntaryContextSwitches }),
    () => state.now,
  );
  const read = (way: 'pool' | 'direct', mebibytes: number, change: Partial<typeof state> = {}): void => {
    const done = guess.watch(way);
    for (const [name, by] of Object.entries(change)) state[name as keyof typeof state] += by;
    done(mebibytes * MEBIBYTE);
  };
  return { guess, read };
}

test('nothing is guessed before some of it came calmly', () => {
  const { guess, read } = makeGuess();
  expect(guess.isInMemory).toBe(false);
  read('pool', 3, { now: 5, voluntaryContextSwitches: 9 });
  expect(guess.isInMemory).toBe(false);
  read('pool', 1);
  expect(guess.isInMemory).toBe(true);
});

test('input from a disk takes it back, and each time it must be calm for four times as long', () => {
  const { guess, read } = makeGuess();
  read('pool', 4);
  read('direct', 1, { fsRead: 8 });
  expect(guess.isInMemory).toBe(false);
  read('pool', 15);
  expect(guess.isInMemory).toBe(false);
  read('pool', 1);
  expect(guess.isInMemory).toBe(true);
  read('direct', 1, { fsRead: 8 });
  read('pool', 63);
  expect(guess.isInMemory).toBe(false);
  read('pool', 1);
  expect(guess.isInMemory).toBe(true);
});

test('input before anything was guessed makes nobody wait longer', () => {
  const { guess, read } = makeGuess();
  for (let count = 0; count < 10; count += 1) read('pool', 1, { fsRead: 2_048 });
  read('pool', 4);
  expect(guess.isInMemory).toBe(true);
});

test('a read at once that waited for something takes it back; one that was only kept from the processor does not', () => {
  const { guess, read } = makeGuess();
  read('pool', 4);
  read('direct', 1, { now: 30 });
  read('direct', 1, { now: 0.3, voluntaryContextSwitches: 2 });
  expect(guess.isInMemory).toBe(true);
  read('direct', 1, { now: 1.5, voluntaryContextSwitches: 1 });
  expect(guess.isInMemory).toBe(false);
});

test('a read through the thread pool that took long is not calm', () => {
  const { guess, read } = makeGuess();
  read('pool', 3);
  read('pool', 1, { now: 25 });
  read('pool', 3);
  expect(guess.isInMemory).toBe(false);
  read('pool', 1);
  expect(guess.isInMemory).toBe(true);
});
