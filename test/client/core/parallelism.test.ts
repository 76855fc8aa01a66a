// Connections by gaps: a connection that has as many as its losses or a small window make calls for more of them; one that
// the line limits does not, nor do several that share a queue.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import { Parallelism } from '../../../client/core/parallelism.ts';
import type { ParallelismSample } from '../../../client/core/parallelism.ts';

const { lossyConnections } = CORE_DEFAULTS;
const PACKET_BYTES = 1_448;

/** A route as it is measured: `bytesPerMs` of each connection, `lineBytesPerMs` of all together, losses as gaps. */
type Measured = { bytesPerMs: number; lineBytesPerMs?: number; rttMs: number; loss?: number };

/** Connections wanted after `seconds` on a route that is as it is, with as many open as were wanted. */
function after(seconds: number, route: Measured & Partial<ParallelismSample>): number | undefined {
  return course(seconds, route).at(-1);
}

/** The same, every 10 ms. */
function course(seconds: number, route: Measured & Partial<ParallelismSample>): number[] {
  const wanted: number[] = [];
  const parallelism = new Parallelism(CORE_DEFAULTS);
  const { bytesPerMs, lineBytesPerMs = Number.POSITIVE_INFINITY, rttMs, loss = 0, ...rest } = route;
  let receivedBytes = 0;
  for (let now = 0; now <= seconds * 1_000; now += 10) {
    const open = rest.open ?? parallelism.connections;
    const rate = Math.min(lineBytesPerMs, open * bytesPerMs);
    receivedBytes += 10 * rate;
    const gaps = Math.floor((loss * receivedBytes) / PACKET_BYTES);
    const measured = { receivedBytes, gaps, rttMs, rate, open, slowStart: false, outBytes: rate * rttMs, queueMs: 0 };
    parallelism.tick({ ...measured, ...rest }, now);
    wanted.push(parallelism.connections);
  }
  return wanted;
}

/** Bytes per ms that a connection with losses carries (Mathis et al.). */
const lossRate = (rttMs: number, loss: number): number => (1.22 * PACKET_BYTES) / (rttMs * Math.sqrt(loss));

describe('a lone connection', () => {
  test('that carries what its losses allow calls for more', () => {
    const routes = fc.record({
      rttMs: fc.integer({ min: 15, max: 200 }),
      loss: fc.double({ min: 0.01, max: 0.03, noNaN: true }),
    });
    fc.assert(
      fc.property(routes, ({ rttMs, loss }) => {
        expect(after(60, { rttMs, loss, bytesPerMs: lossRate(rttMs, loss) })).toBe(lossyConnections);
      }),
      { numRuns: 50 },
    );
  });

  test('calls for a few, and for longer and longer for no more than another where these bring nothing more', () => {
    const bytesPerMs = lossRate(40, 0.01);
    const wanted = course(30, { rttMs: 40, loss: 0.01, bytesPerMs, lineBytesPerMs: 1.1 * bytesPerMs });
    expect(Math.max(...wanted)).toBeGreaterThan(1);
    expect(Math.max(...wanted)).toBeLessThan(lossyConnections);
    const trials = wanted.flatMap((count, at) => (count > 2 && (wanted[at - 1] ?? 1) <= 2 ? [at] : []));
    const waits = trials.slice(1).map((at, place) => at - trials[place]!);
    expect(waits.length).toBeGreaterThan(1);
    expect(waits).toEqual(waits.toSorted((one, other) => one - other));
    expect(wanted.filter((count) => count > 2).length).toBeLessThan(wanted.length / 4);
  });

  test('whose window is small has a gap in every round trip, far more than it can have lost: it calls for more', () => {
    const windowBytes = 60_000;
    for (const rttMs of [20, 50, 110]) {
      const gapPerPacket = PACKET_BYTES / windowBytes;
      expect(after(30, { rttMs, loss: gapPerPacket, bytesPerMs: windowBytes / rttMs })).toBe(lossyConnections);
    }
  });

  test('that is quick on a short path has the gaps of a busy machine, whatever they look like: it is enough', () => {
    const asLosses = { loss: 0.000_1, bytesPerMs: lossRate(8, 0.000_1) };
    expect(asLosses.bytesPerMs).toBeGreaterThan(16_000);
    expect(Math.max(...course(30, { rttMs: 8, ...asLosses }))).toBe(1);
    expect(Math.max(...course(30, { rttMs: 8, loss: 0.000_1, bytesPerMs: 150_000 }))).toBe(1);
    // as quick over a longer path, it may have left slow start too early
    expect(after(30, { rttMs: 40, loss: 0.000_1, bytesPerMs: 150_000 })).toBe(lossyConnections);
  });

  test('with a gap every few seconds is enough', () => {
    const bytesPerMs = 1_000;
    const gapPerPacket = PACKET_BYTES / (bytesPerMs * 4_000);
    expect(after(60, { rttMs: 50, loss: gapPerPacket, bytesPerMs })).toBe(1);
  });

  test('on a path that turns out to be short is enough again', () => {
    const parallelism = new Parallelism(CORE_DEFAULTS);
    const route = { rate: 500, open: 1, slowStart: false, outBytes: 0, queueMs: 0 };
    for (let now = 0; now <= 5_000; now += 10) {
      const receivedBytes = lossRate(20, 0.01) * now;
      parallelism.tick({ ...route, rttMs: 20, receivedBytes, gaps: (0.01 * receivedBytes) / PACKET_BYTES }, now);
    }
    expect(parallelism.connections).toBeGreaterThan(1);
    parallelism.tick({ ...route, rttMs: 2, receivedBytes: 5_000_000, gaps: 50 }, 5_010);
    expect(parallelism.connections).toBe(1);
  });

  test('that the line limits does not, though it loses a packet now and then', () => {
    const loss = 0.0005;
    expect(after(20, { rttMs: 40, loss, bytesPerMs: lossRate(40, loss) / 4 })).toBe(1);
  });

  test('without losses never does', () => {
    expect(after(60, { rttMs: 100, bytesPerMs: 10_000 })).toBe(1);
  });

  test('in slow start says nothing: its gaps are the first round trips', () => {
    expect(after(20, { rttMs: 40, loss: 0.01, bytesPerMs: lossRate(40, 0.01), slowStart: true })).toBe(1);
  });
});

describe('several connections', () => {
  const several = { rttMs: 200, bytesPerMs: 125, open: 8 };

  test('whose requests wait though the path is free call for more', () => {
    expect(after(10, { ...several, outBytes: 400_000, queueMs: 2 })).toBe(lossyConnections);
  });

  test('that wait in a queue they share do not', () => {
    expect(after(10, { ...several, outBytes: 400_000, queueMs: 190 })).toBe(1);
  });

  test('that are asked for no more than the path holds do not', () => {
    expect(after(10, { ...several, outBytes: 210_000, queueMs: 2 })).toBe(1);
  });

  test('nor while it lasts no longer than a slow start would', () => {
    expect(after(0.7, { ...several, outBytes: 400_000, queueMs: 2 })).toBe(1);
  });
});
