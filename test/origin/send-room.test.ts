// How much may wait for a connection: bounds, and that it follows what the connection takes.
import { expect, test } from 'vitest';
import { SendRoom } from '../../origin/send-room.ts';

const LEAST = 256_000;
const MOST = 1_024_000;

test('a connection that has taken nothing yet has the least', () => {
  const room = new SendRoom(LEAST, MOST, 100);
  expect(room.bytes).toBe(LEAST);
  room.measure(0, 1_000);
  expect(room.bytes).toBe(LEAST);
});

test('what it takes in two milliseconds may wait, within bounds', () => {
  const room = new SendRoom(LEAST, MOST, 0);
  room.measure(1_200_000, 4); // 300 kB per ms
  expect(room.bytes).toBe(600_000);
  room.measure(1_200_000 + 9_000_000, 8);
  expect(room.bytes).toBe(MOST);
  room.measure(10_200_000 + 100_000, 12); // 25 kB per ms
  expect(room.bytes).toBe(LEAST);
});

test('a moment too short to measure changes nothing, and is counted in the next', () => {
  const room = new SendRoom(LEAST, MOST, 0);
  room.measure(1_000_000, 1);
  expect(room.bytes).toBe(LEAST);
  room.measure(1_600_000, 4);
  expect(room.bytes).toBe(800_000);
});

test('a pause of the connection takes it back', () => {
  const room = new SendRoom(LEAST, MOST, 0);
  room.measure(4_000_000, 4);
  expect(room.bytes).toBe(MOST);
  room.measure(4_300_000, 500);
  expect(room.bytes).toBe(LEAST);
});

test('a least above the most is what holds', () => {
  const room = new SendRoom(2 * MOST, MOST, 0);
  room.measure(100_000_000, 4);
  expect(room.bytes).toBe(2 * MOST);
});
