// The window of a route: it grows while round trips bring more, stops when they do not or when answers queue up, and then
// stays near rate × round trip, never below its least. Constants are the options'; only their relations are tested.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import { RouteWindow } from '../../../client/core/route-window.ts';

const TICK_MS = 10;

/** A route over a path with a capacity, on a virtual clock: what is in flight is the smaller of window and capacity. */
class Path {
  readonly window: RouteWindow;
  readonly rttMs: number;
  readonly bytesPerMs: number;
  readonly channels: number;
  now = 0;
  #flight = 0;

  constructor(rttMs: number, bytesPerMs: number, channels = 1, options = CORE_DEFAULTS) {
    this.window = new RouteWindow(options);
    this.rttMs = rttMs;
    this.bytesPerMs = bytesPerMs;
    this.channels = channels;
  }

  get capacity(): number {
    return this.rttMs * this.bytesPerMs;
  }

  /** `ms` pass; each round trip brings twice the last one until the path is full. PONGs wait `queueMs` in a queue. */
  run(ms: number, queueMs = 0): this {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += TICK_MS;
      const grown = Math.max(14_480 * this.channels, this.#flight * 2 ** (TICK_MS / this.rttMs));
      this.#flight = Math.min(grown, this.window.bytes, this.capacity);
      const delay = this.rttMs + queueMs;
      if (this.now % 30 === 0 && this.now > delay) this.window.pong(delay, this.rttMs, this.now);
      const rate = Math.min(this.#flight / this.rttMs, this.bytesPerMs);
      this.window.tick(
        {
          bytes: rate * TICK_MS,
          flight: this.#flight,
          rate,
          rttMs: this.rttMs,
          channels: this.channels,
          lossLimited: false,
        },
        this.now,
      );
    }
    return this;
  }
}

const paths = fc.record({
  rttMs: fc.integer({ min: 5, max: 600 }),
  bytesPerMs: fc.integer({ min: 1_000, max: 100_000 }),
});

describe('route window', () => {
  test('begins in slow start with the first window', () => {
    const window = new RouteWindow(CORE_DEFAULTS);
    expect(window.slowStart).toBe(true);
    expect(window.bytes).toBe(CORE_DEFAULTS.firstWindowBytes);
  });

  test('in slow start it stays ahead of what the last round trip brought, and is never below the first window', () => {
    const path = new Path(100, 10_000);
    for (let round = 0; round < 100 && path.window.slowStart; round += 1) {
      path.run(TICK_MS);
      expect(path.window.bytes).toBeGreaterThanOrEqual(CORE_DEFAULTS.firstWindowBytes);
    }
    const more = new RouteWindow(CORE_DEFAULTS);
    more.tick({ bytes: 0, flight: 1_000_000, rate: 10_000, rttMs: 100, channels: 1, lossLimited: false }, TICK_MS);
    expect(more.bytes).toBeGreaterThan(2_000_000);
  });

  test('slow start ends when a full path brings no more, with a window that keeps it full', () => {
    fc.assert(
      fc.property(paths, ({ rttMs, bytesPerMs }) => {
        const path = new Path(rttMs, bytesPerMs).run(20 * rttMs + 2_000);
        fc.pre(path.capacity > CORE_DEFAULTS.firstWindowBytes);
        expect(path.window.slowStart).toBe(false);
        expect(path.window.bytes).toBeGreaterThanOrEqual(0.99 * path.capacity);
      }),
      { numRuns: 40 },
    );
  });

  test('it does not end while every round trip brings clearly more', () => {
    const window = new RouteWindow(CORE_DEFAULTS);
    let flight = 20_000;
    for (let now = 0; now < 1_000; now += TICK_MS) {
      flight *= 2 ** (TICK_MS / 100);
      window.tick({ bytes: 0, flight, rate: flight / 100, rttMs: 100, channels: 1, lossLimited: false }, now);
    }
    expect(window.slowStart).toBe(true);
  });

  test('it ends early when answers come late, because a queue is building', () => {
    const steps = (queueMs: number): boolean => {
      const window = new RouteWindow(CORE_DEFAULTS);
      let flight = 200_000;
      for (let now = 0; now < 300; now += TICK_MS) {
        flight *= 1.05;
        window.pong(50 + queueMs, 50, now);
        window.tick({ bytes: 0, flight, rate: flight / 50, rttMs: 50, channels: 1, lossLimited: false }, now);
      }
      return window.slowStart;
    };
    expect(steps(0)).toBe(true);
    expect(steps(400)).toBe(false);
  });

  test('in order, a train of packets in slow start shows the line, which bounds what is asked for; into a file it does not', () => {
    const [rttMs, line] = [100, 1_000];
    const grown = (output: 'any' | 'order', spread: number): number => {
      const window = new RouteWindow({ ...CORE_DEFAULTS, output });
      for (let now = TICK_MS; now <= 2.5 * rttMs; now += TICK_MS) {
        const isTrain = now % rttMs < rttMs * spread;
        const bytes = isTrain ? (0.8 * line * TICK_MS) / spread : 0;
        const flight = (0.8 * line * now) / 2.5;
        window.tick({ bytes, flight, rate: line / 2, rttMs, channels: 1, lossLimited: false }, now);
      }
      expect(window.slowStart).toBe(true);
      return window.bytes;
    };
    // what came in so much of the round trip came as quickly as the line lets it through
    expect(grown('order', 0.8)).toBeLessThan(1.6 * line * rttMs + 32_768);
    expect(grown('order', 0.4), 'a line twice as fast').toBeGreaterThan(2.3 * line * rttMs);
    expect(grown('any', 0.8)).toBeGreaterThan(2.3 * line * rttMs);
  });

  test('afterwards a lasting queue shrinks the window, and its absence lets it grow, both within bounds', () => {
    const path = new Path(50, 10_000).run(3_000);
    expect(path.window.slowStart).toBe(false);
    const free = path.window.bytes;
    path.run(5_000, 400);
    const queued = path.window.bytes;
    expect(queued).toBeLessThan(free);
    expect(queued, 'the path itself stays full').toBeGreaterThanOrEqual(0.99 * path.capacity);
    path.run(5_000);
    expect(path.window.bytes).toBeGreaterThan(queued);
    expect(path.window.bytes).toBeLessThan(3 * path.capacity + CORE_DEFAULTS.leastWindowBytes);
  });

  test('into a file it grows with care once something queued', () => {
    const grownAfterQueue = (output: 'any' | 'order'): number => {
      const path = new Path(120, 1_250, 8, { ...CORE_DEFAULTS, output }).run(3_000).run(1_500, 110);
      const before = path.window.extraMs;
      return path.run(300).window.extraMs / before;
    };
    expect(grownAfterQueue('order')).toBeGreaterThan(1.3);
    expect(grownAfterQueue('any')).toBeGreaterThan(1);
    expect(grownAfterQueue('any')).toBeLessThan(1.25);
  });

  test('never below its least, not even on a dead path, and always finite', () => {
    const sample = fc.record({
      bytes: fc.nat(1e9),
      flight: fc.double({ min: 0, max: 1e9, noNaN: true }),
      rate: fc.double({ min: 0, max: 1e6, noNaN: true }),
      rttMs: fc.double({ min: 0.1, max: 1_000, noNaN: true }),
      channels: fc.integer({ min: 1, max: 16 }),
      lossLimited: fc.boolean(),
    });
    const step = fc.record({ sample, ms: fc.nat(500), delayMs: fc.option(fc.nat(2_000)) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const window = new RouteWindow(CORE_DEFAULTS);
        let now = 0;
        for (const { sample: measured, ms, delayMs } of steps) {
          now += ms;
          if (delayMs !== null) window.pong(delayMs, measured.rttMs, now);
          window.tick(measured, now);
          expect(window.bytes).toBeGreaterThanOrEqual(CORE_DEFAULTS.leastWindowBytes);
          expect(Number.isFinite(window.bytes)).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('a new connection starts over', () => {
    const { window } = new Path(50, 10_000).run(3_000);
    window.restart();
    expect(window.slowStart).toBe(true);
    expect(window.bytes).toBe(CORE_DEFAULTS.firstWindowBytes);
  });
});
