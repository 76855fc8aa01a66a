// Sums over sessions: every growth counts once, whether it is seen while a session runs or when it ends, and names are few.
import { describe, expect, test } from 'vitest';
import { RouteTally } from '../../../client/core/tally.ts';
import type { SessionReport } from '../../../client/io/report.ts';
import { OTHER_ROUTES, Totals } from '../../../client/metrics/route-totals.ts';
import { reportWith, routeWith } from '../../demo/report.ts';

/** A session that has brought so many bytes, in segments of 10 ms each. */
function session(name: string): { bytes: number; stalls: number; report(): SessionReport } {
  const tally = new RouteTally();
  let timed = 0;
  return {
    bytes: 0,
    stalls: 0,
    report() {
      for (; timed < this.bytes; timed += 1) tally.time(10);
      tally.pattern = this.bytes;
      const route = routeWith({ index: 0, name, payloadBytes: this.bytes, counts: tally.read() });
      const stalls = { count: this.stalls, ms: 100 * this.stalls };
      return reportWith({ routes: [route], stalls, patterns: 0, hedgedBytes: 0 });
    },
  };
}

const seen = (totals: Totals, name: string): unknown => {
  const { bytes, counts } = totals.of(name);
  return { bytes, pattern: counts.pattern, timed: counts.times[1], timesMs: counts.timesMs };
};

describe('totals', () => {
  test('count what grew, once, however often they are asked', () => {
    const [totals, one, two] = [new Totals(), session('eu'), session('eu')];
    totals.began(one);
    one.bytes = 5;
    totals.look();
    totals.look();
    expect(seen(totals, 'eu')).toEqual({ bytes: 5, pattern: 5, timed: 5, timesMs: 50 });
    totals.began(two);
    [one.bytes, two.bytes, two.stalls] = [8, 100, 3];
    totals.ended(one);
    one.bytes = 1_000;
    totals.look();
    expect(seen(totals, 'eu')).toEqual({ bytes: 108, pattern: 108, timed: 108, timesMs: 1_080 });
    expect(totals.all).toMatchObject({ stalls: 3, stallMs: 300 });
    expect([totals.running, totals.reports.length]).toEqual([1, 1]);
    totals.ended(two);
    totals.look();
    expect(seen(totals, 'eu')).toMatchObject({ bytes: 108 });
    expect([totals.running, totals.reports.length]).toEqual([0, 0]);
  });

  test('have so many names, and one for all that come later', () => {
    const totals = new Totals();
    for (let at = 0; at < 1_000; at += 1) totals.of(`route${at}`).bytes += 1;
    expect(totals.routes.size).toBe(257);
    expect(totals.of(OTHER_ROUTES).bytes).toBe(1_000 - 256);
    expect([totals.nameOf('route3'), totals.nameOf('route999')]).toEqual(['route3', OTHER_ROUTES]);
  });
});
