// The segment table against a plain model of it: counts, the in-order points and the order of delivery always agree.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SegmentTable } from '../../../client/core/segment-table.ts';

type Status = 'missing' | 'arrived' | 'proven' | 'taken';

/** What the table must say, written in the plainest way. */
class Model {
  readonly from: number;
  readonly status: Status[];
  highestSeen: number;
  delivered = 0;

  constructor(from: number, count: number) {
    this.from = from;
    this.status = Array.from({ length: count }, () => 'missing');
    this.highestSeen = from - 1;
  }

  /** The index of the n-th segment of a status, counted round. */
  pick(status: Status, place: number): number | undefined {
    const all = this.status.flatMap((now, at) => (now === status ? [this.from + at] : []));
    return all.length === 0 ? undefined : all[place % all.length];
  }

  set(index: number, status: Status): void {
    this.status[index - this.from] = status;
  }

  firstNot(...statuses: readonly Status[]): number {
    const at = this.status.findIndex((status) => !statuses.includes(status));
    return this.from + (at < 0 ? this.status.length : at);
  }
}

const move = fc.record({ to: fc.constantFrom<Status>('missing', 'arrived', 'proven', 'taken'), place: fc.nat(100) });
const moves = fc.array(move, { maxLength: 300 });

/** Moves one segment, in the table and the model, as the state before allows. */
function play(table: SegmentTable, model: Model, { to, place }: { to: Status; place: number }): void {
  const before: Status = to === 'arrived' ? 'missing' : to === 'taken' ? 'proven' : 'arrived';
  const index = model.pick(before, place);
  if (index === undefined) return;
  model.set(index, to);
  if (to === 'arrived') {
    table.arrive(index);
    model.highestSeen = Math.max(model.highestSeen, index);
  } else if (to === 'proven') table.prove(index);
  else if (to === 'taken') table.take(index);
  else table.lose(index);
}

describe('segment table', () => {
  test('says what a plain model says, whatever arrives, is proven, found bad or taken', () => {
    fc.assert(
      fc.property(fc.nat(5_000), fc.integer({ min: 1, max: 40 }), moves, (from, count, steps) => {
        const table = new SegmentTable(from);
        table.bound(from + count);
        const model = new Model(from, count);
        for (const step of steps) {
          play(table, model, step);
          expect(table.lowestMissing).toBe(model.firstNot('arrived', 'proven', 'taken'));
          expect(table.takenPoint).toBe(model.firstNot('taken'));
          expect(table.missingLeft).toBe(model.status.filter((status) => status === 'missing').length);
          expect(table.highestSeen).toBe(model.highestSeen);
          expect(table.complete).toBe(model.status.every((status) => status === 'taken'));
          for (let at = 0; at < count; at += 1) {
            expect(table.isMissing(from + at)).toBe(model.status[at] === 'missing');
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('hands out every proven segment once, in order, and none before those below it', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 }), (order) => {
        const table = new SegmentTable(0);
        table.bound(8);
        const out: number[] = [];
        for (const [count, index] of order.entries()) {
          table.arrive(index);
          table.prove(index);
          for (let next = table.takeNextInOrder(); next !== undefined; next = table.takeNextInOrder()) out.push(next);
          const proven = order.slice(0, count + 1);
          expect(out).toHaveLength([0, 1, 2, 3, 4, 5, 6, 7, 8].findIndex((at) => !proven.includes(at)));
        }
        expect(out).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      }),
      { numRuns: 100 },
    );
  });

  test('knows no end before the size: segments far ahead arrive, nothing is complete', () => {
    const table = new SegmentTable(3);
    table.arrive(3);
    table.arrive(70_000);
    expect(table.lowestMissing).toBe(4);
    expect(table.highestSeen).toBe(70_000);
    expect(table.missingLeft).toBe(Number.POSITIVE_INFINITY);
    expect(table.complete).toBe(false);
    table.bound(70_001);
    expect(table.missingLeft).toBe(70_001 - 3 - 2);
    expect(table.isMissing(70_000)).toBe(false);
  });

  test('what an earlier transfer left counts as taken', () => {
    const table = new SegmentTable(2, [
      { first: 0, length: 4 },
      { first: 6, length: 1 },
    ]);
    expect([table.lowestMissing, table.takenPoint, table.highestSeen]).toEqual([4, 4, 6]);
    table.bound(8);
    expect(table.missingLeft).toBe(3);
    expect([2, 4, 5, 6, 7].map((index) => table.isMissing(index))).toEqual([false, true, true, false, true]);
    const out: number[] = [];
    for (const index of [7, 5, 4]) {
      table.arrive(index);
      table.prove(index);
      for (let next = table.takeNextInOrder(); next !== undefined; next = table.takeNextInOrder()) out.push(next);
    }
    expect(out).toEqual([4, 5, 7]);
    for (const index of out) table.take(index);
    expect(table.complete).toBe(true);
    expect(table.takenPoint).toBe(8);
  });

  test('what an earlier transfer left may be all there is', () => {
    const table = new SegmentTable(0, [{ first: 0, length: 3 }]);
    expect(table.complete).toBe(false);
    table.bound(3);
    expect(table.complete).toBe(true);
  });

  test('a claimed size costs no memory', () => {
    const before = process.memoryUsage().arrayBuffers;
    const table = new SegmentTable(0);
    table.bound(0xffff_ffff);
    expect(table.missingLeft).toBe(0xffff_ffff);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });

  test('wants nothing behind the end of the range, even before the size is known', () => {
    const table = new SegmentTable(3, [], 6);
    expect(table.to).toBe(6);
    expect([3, 5, 6, 7].map((index) => table.isMissing(index))).toEqual([true, true, false, false]);
    for (const index of [3, 4, 5, 6, 7]) table.arrive(index);
    expect(table.lowestMissing).toBe(6);
    table.bound(5);
    expect(table.to).toBe(5);
  });

  test('wants nothing outside of what was asked for', () => {
    const table = new SegmentTable(10);
    table.bound(20);
    expect([9, 10, 19, 20].map((index) => table.isMissing(index))).toEqual([false, true, true, false]);
  });

  test('is complete at once when nothing is wanted', () => {
    const table = new SegmentTable(0);
    table.bound(0);
    expect(table.complete).toBe(true);
    expect(table.missingLeft).toBe(0);
    expect(table.takeNextInOrder()).toBeUndefined();
  });
});
