// The reorder window: in order it ends so many segments behind what the sink took, into a file so many may be held; part of
// it may be kept for routes that have nothing.
import { expect, test } from 'vitest';
import { MemoryRoom, mostInMemory } from '../../../client/core/memory-room.ts';
import { coreState, SEGMENT } from './core-state.ts';

test('in order it goes as far as memory behind what the sink took, less what is kept', () => {
  const state = coreState({ segments: 100, options: { reorderBytes: 8.5 * SEGMENT } });
  const memory = new MemoryRoom(state);
  expect([mostInMemory(state), memory.end]).toEqual([8, 8]);
  expect([memory.fits(7), memory.isFull]).toEqual([true, false]);
  expect([memory.fits(8), memory.isFull]).toEqual([false, true]);
  memory.keep(9);
  expect([memory.fits(5), memory.isFull]).toEqual([true, false]);
  expect([memory.fits(6), memory.isFull]).toEqual([false, true]);
  state.table.arrive(0);
  state.table.take(0);
  memory.keep(0);
  expect([memory.fits(8), memory.fits(9)]).toEqual([true, false]);
});

test('into a file it counts what is held, wherever that lies', () => {
  const memory = new MemoryRoom(coreState({ segments: 100, options: { reorderBytes: 2 * SEGMENT, output: 'any' } }));
  expect(memory.fits(99)).toBe(true);
  memory.count(2);
  expect([memory.held, memory.fits(0)]).toEqual([2, false]);
  memory.count(-1);
  expect(memory.fits(99)).toBe(true);
});
