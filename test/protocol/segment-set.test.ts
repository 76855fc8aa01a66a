// What a hostile client can make a source remember or look through: bounded by names, whatever it asks.
import { expect, test } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { SegmentSet } from '../../protocol/segment-set.ts';

const SEGMENTS = 1_000_000;
const everything = (epoch: number, from: number) => {
  const pattern = { epoch, from, to: SEGMENTS, lead: new Uint16Array(0), cycle: Uint16Array.of(1) };
  return { type: 'pattern', pattern } as const;
};

test('a client that takes and takes and never moves `from` gets no more than is remembered, until it does', () => {
  const set = new SegmentSet(1, SEGMENTS, [{ first: 0, length: SEGMENTS }]);
  set.handle(everything(1, 0));
  set.handle({ type: 'credit', total: SEGMENTS });
  const take = (): number => {
    let taken = 0;
    while (set.next()?.type === 'segment') taken += 1;
    return taken;
  };
  expect(take()).toBe(LIMITS.maxSentSegments);
  set.handle(everything(2, 1_000));
  expect(take()).toBe(1_000);
});

test('a CANCEL of a thousand ranges is looked up quickly in a full queue', () => {
  const set = new SegmentSet(1, SEGMENTS, [{ first: 0, length: SEGMENTS }]);
  set.handle({ type: 'send', again: true, ranges: [{ first: 0, length: LIMITS.maxQueuedSends }] });
  const ranges = Array.from({ length: LIMITS.maxRanges }, (_, at) => ({ first: 10_000 + 2 * at, length: 1 }));
  for (let round = 0; round < 100; round += 1) set.handle({ type: 'cancel', ranges });
  set.handle({ type: 'cancel', ranges: [...ranges, { first: 7, length: 2 }, { first: 8, length: 3 }] });
  const dropped: number[] = [];
  for (let answer = set.next(); answer !== undefined; answer = set.next()) {
    if (answer.type === 'dropped') dropped.push(answer.index);
  }
  expect(dropped).toEqual([7, 8, 9, 10]);
});
