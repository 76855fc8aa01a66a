// What is counted for those who watch: every segment in one place, times of a sample of them, and waits of the reader.
import { describe, expect, test } from 'vitest';
import { SegmentTable } from '../../../client/core/segment-table.ts';
import { RouteTally, SEGMENT_TIME_BOUNDS_MS, SegmentTimer, STALL_MS, Stalls } from '../../../client/core/tally.ts';

const TICK_MS = 10;

describe('times of segments', () => {
  test('are counted once each, a bound belonging to its own count', () => {
    const tally = new RouteTally();
    for (const ms of [0, 5, 5.1, 30_000, 30_001, 1e9]) tally.time(ms);
    const { times, timesMs } = tally.read();
    expect(times).toHaveLength(SEGMENT_TIME_BOUNDS_MS.length + 1);
    expect([times[0], times[1], times.at(-2), times.at(-1)]).toEqual([2, 1, 1, 2]);
    expect(times.reduce((sum, count) => sum + count, 0)).toBe(6);
    expect(timesMs).toBe(1e9 + 60_011.1);
  });

  test('what was read stays as it was', () => {
    const tally = new RouteTally();
    const before = tally.read();
    tally.time(1);
    tally.pattern += 1;
    expect([before.times[0], before.pattern]).toEqual([0, 0]);
  });

  test('are taken of one segment after the other', () => {
    const timer = new SegmentTimer();
    timer.asked(7, 100);
    timer.asked(8, 101);
    expect([timer.came(8, 150), timer.came(7, 160), timer.came(7, 170)]).toEqual([undefined, 60, undefined]);
    timer.asked(9, 200);
    expect(timer.came(9, 203)).toBe(3);
  });

  test('go on when a segment does not come', () => {
    const timer = new SegmentTimer();
    timer.asked(1, 0);
    timer.forget(1);
    timer.asked(2, 10);
    timer.asked(3, 59_000);
    expect(timer.came(3, 59_001)).toBeUndefined();
    // nobody ever says that it will not come
    timer.asked(4, 61_000);
    expect([timer.came(2, 61_001), timer.came(4, 61_005)]).toEqual([undefined, 5]);
  });
});

describe('stalls of a reader in order', () => {
  /** A table of ten segments of which `taken` are with the reader, and what is seen of it until `untilMs`. */
  function watch(stalls: Stalls, table: SegmentTable, fromMs: number, untilMs: number, isPaused = false): void {
    for (let now = fromMs; now <= untilMs; now += TICK_MS) stalls.tick(table, isPaused, now);
  }

  function tableWith(taken: number): SegmentTable {
    const table = new SegmentTable(0);
    table.bound(10);
    for (let index = 0; index < taken; index += 1) hand(table, index);
    return table;
  }

  function hand(table: SegmentTable, index: number): void {
    table.arrive(index);
    table.prove(index);
    table.take(index);
  }

  test('begin after a while without anything, and are one each', () => {
    const [stalls, table] = [new Stalls(), tableWith(1)];
    watch(stalls, table, 0, STALL_MS);
    expect(stalls.read()).toEqual({ count: 0, ms: 0 });
    watch(stalls, table, STALL_MS, 500);
    expect(stalls.read()).toEqual({ count: 1, ms: 500 });
    hand(table, 1);
    watch(stalls, table, 510, 600);
    expect(stalls.read()).toEqual({ count: 1, ms: 500 });
    watch(stalls, table, 610, 710);
    expect(stalls.read()).toEqual({ count: 2, ms: 700 });
  });

  test('are none before the first segment, after the last, while the reader has something left, and in a pause', () => {
    const [stalls, none, all, busy] = [new Stalls(), tableWith(0), tableWith(10), tableWith(1)];
    watch(stalls, none, 0, 1_000);
    watch(stalls, all, 1_010, 2_000);
    busy.arrive(1);
    busy.prove(1);
    watch(stalls, busy, 2_010, 3_000);
    watch(stalls, tableWith(1), 3_010, 4_000, true);
    expect(stalls.read()).toEqual({ count: 0, ms: 0 });
  });
});
