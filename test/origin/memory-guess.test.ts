// When an open file is taken to lie in memory, and what takes that back.
import { expect, test } from 'vitest';
import { MemoryGuess } from '../../origin/memory-guess.ts';

const MEBIBYTE = 1_048_576;

/** A guess with a count of inputs and a clock of the test's own. */
function makeGuess() {
  const state = { inputs: 0, now: 0, asked: 0 };
  const guess = new MemoryGuess(
    () => {
      state.asked += 1;
      return state.inputs;
    },
    () => state.now,
  );
  const read = (way: 'pool' | 'direct', mebibytes: number, { inputs = 0, ms = 0 } = {}): void => {
    const done = guess.watch(way);
    state.inputs += inputs;
    state.now += ms;
    done(mebibytes * MEBIBYTE);
  };
  return { guess, read, state };
}

test('nothing is guessed before some of it came calmly', () => {
  const { guess, read } = makeGuess();
  expect(guess.isInMemory).toBe(false);
  read('pool', 3, { ms: 5 });
  expect(guess.isInMemory).toBe(false);
  read('pool', 1);
  expect(guess.isInMemory).toBe(true);
});

test('input from a disk takes it back, and each time it must be calm for four times as long', () => {
  const { guess, read } = makeGuess();
  read('pool', 4);
  read('direct', 1, { inputs: 8, ms: 2 });
  expect(guess.isInMemory).toBe(false);
  read('pool', 15);
  expect(guess.isInMemory).toBe(false);
  read('pool', 1);
  expect(guess.isInMemory).toBe(true);
  read('direct', 1, { inputs: 8, ms: 2 });
  read('pool', 63);
  expect(guess.isInMemory).toBe(false);
  read('pool', 1);
  expect(guess.isInMemory).toBe(true);
});

test('input before anything was guessed makes nobody wait longer', () => {
  const { guess, read } = makeGuess();
  for (let count = 0; count < 10; count += 1) read('pool', 1, { inputs: 2_048 });
  read('pool', 4);
  expect(guess.isInMemory).toBe(true);
});

test('a quick read at once is believed without asking the system', () => {
  const { guess, read, state } = makeGuess();
  read('pool', 4);
  const { asked } = state;
  for (let count = 0; count < 100; count += 1) read('direct', 1, { ms: 0.3, inputs: 1 });
  expect(guess.isInMemory).toBe(true);
  expect(state.asked).toBe(asked);
});

test('a read at once that was only kept from the processor takes nothing back, one that took very long does', () => {
  const { guess, read } = makeGuess();
  read('pool', 4);
  read('direct', 1, { ms: 12 });
  expect(guess.isInMemory).toBe(true);
  read('direct', 1, { ms: 30 });
  expect(guess.isInMemory).toBe(false);
});

test('a read through the thread pool that took long is not calm', () => {
  const { guess, read } = makeGuess();
  read('pool', 3);
  read('pool', 1, { ms: 25 });
  read('pool', 3);
  expect(guess.isInMemory).toBe(false);
  read('pool', 1);
  expect(guess.isInMemory).toBe(true);
});
