// Progress: never more than 100 %, aligned whatever the names, in place on a terminal and as plain lines elsewhere.
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { progressLines, showProgress } from '../../../client/commands/progress.ts';
import { severalLines } from '../../../client/commands/several-progress.ts';
import { RouteTally } from '../../../client/core/tally.ts';
import type { RouteReport, SessionReport } from '../../../client/io/report.ts';
import { EMPTY_PATTERN } from '../../../protocol/pattern.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function routeReport(more: Partial<RouteReport> = {}): RouteReport {
  return {
    name: 'eu',
    savedBytes: 0,
    index: 0,
    state: 'active',
    role: 'active',
    preference: 'normal',
    isSetAside: false,
    sharesWith: [],
    ranking: { score: 0.5, parts: [] },
    reason: undefined,
    rateBytesPerSecond: 1_250_000,
    carriedBytesPerSecond: 1_250_000,
    hops: 1,
    rttMs: 20,
    latencyMs: 21.4,
    windowBytes: 131_072,
    slowStart: false,
    outBytes: 0,
    share: 0.5,
    payloadBytes: 500,
    patternBytes: 500,
    quotaLeftBytes: undefined,
    maxBytesPerSecond: undefined,
    segments: 1,
    hedges: 0,
    corrupt: 0,
    counts: new RouteTally().read(),
    channels: [],
    ...more,
  };
}

function report(more: Partial<SessionReport> = {}): SessionReport {
  return {
    key: 'a',
    bytes: 1_000,
    receivedBytes: 500,
    resumedBytes: 0,
    elapsedMs: 1_000,
    firstByteMs: 10,
    manifest: undefined,
    vouching: { verified: false, root: undefined, checks: [], announced: [] },
    patterns: 3,
    wasteBytes: 0,
    hedges: 0,
    hedgedBytes: 0,
    stalls: { count: 0, ms: 0 },
    waitingBytes: 0,
    pattern: EMPTY_PATTERN,
    takenPoint: 0,
    highestSeen: 0,
    routes: [routeReport()],
    ...more,
  };
}

const plain = (lines: readonly string[]): string[] => lines.map((line) => stripVTControlCharacters(line));
const percentOf = (line: string): number => Number(/(\d+)%/.exec(line)?.[1]);

describe('progressLines', () => {
  test('the total first, then each route', () => {
    const routes = [routeReport(), routeReport({ name: 'us', state: 'down', reason: 'connection-lost' })];
    const [total, ...rest] = plain(progressLines(report({ routes })));
    expect(total).toContain('50%');
    expect(total).toContain('500 B of 1.0 kB');
    expect(total).toContain('20.0 Mbit/s');
    expect(total).toContain('pattern 3');
    expect(rest).toHaveLength(2);
    expect(rest[0]).toContain('21 ms');
    expect(rest[1]).toContain('down (connection-lost)');
  });

  test('never more than 100 %, and 100 % only when all is here', () => {
    const bytes = fc.option(fc.nat(10_000_000), { nil: undefined });
    fc.assert(
      fc.property(bytes, fc.nat(20_000_000), fc.double({ min: 0, max: 1.5, noNaN: true }), (size, received, share) => {
        const lines = progressLines(report({ bytes: size, receivedBytes: received, routes: [routeReport({ share })] }));
        for (const line of plain(lines)) expect(percentOf(line)).toBeLessThanOrEqual(100);
        if (size !== undefined && received < size) expect(percentOf(lines[0] ?? '')).toBeLessThan(100);
      }),
    );
  });

  test('bars stand under each other whatever the names', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][\w.-]{0,63}$/);
    fc.assert(
      fc.property(fc.array(name, { maxLength: 6 }), (names) => {
        const lines = plain(progressLines(report({ routes: names.map((each) => routeReport({ name: each })) })));
        expect(new Set(lines.map((line) => line.search(/[█░]/))).size).toBe(1);
      }),
    );
  });

  test('nothing known yet is no fault', () => {
    const lines = plain(progressLines(report({ bytes: undefined, receivedBytes: 0, routes: [] })));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('0%');
  });
});

describe('showProgress', () => {
  const terminal = { isTTY: true, columns: 100, rows: 24 };
  const before = Object.keys(terminal).map(
    (name) => [name, Object.getOwnPropertyDescriptor(process.stderr, name)] as const,
  );
  afterEach(() => {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(process.stderr, name);
      else Object.defineProperty(process.stderr, name, descriptor);
    }
  });

  /** Standard error is a terminal or is not; what is written to it. */
  function watch(isTTY: boolean): string[] {
    const written: string[] = [];
    for (const [name, value] of Object.entries({ ...terminal, isTTY })) {
      Object.defineProperty(process.stderr, name, { value, configurable: true });
    }
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    vi.useFakeTimers();
    return written;
  }

  test('elsewhere than on a terminal: one plain line now and then, none after the end', () => {
    const written = watch(false);
    const progress = showProgress(() => report());
    vi.advanceTimersByTime(10_000);
    progress.stop();
    const count = written.length;
    vi.advanceTimersByTime(10_000);
    expect(count).toBeGreaterThan(1);
    expect(count).toBeLessThan(20);
    expect(written).toHaveLength(count);
    expect(written[0]).toMatch(/^ *50% .*\(eu 10\.0 Mbit\/s\)\n$/);
    expect(written.join('')).not.toContain('\u001b');
  });

  test('on a terminal: in place, and the last picture is the final one', () => {
    const written = watch(true);
    let receivedBytes = 0;
    const progress = showProgress(() => report({ receivedBytes }));
    vi.advanceTimersByTime(1_000);
    receivedBytes = 1_000;
    progress.stop();
    expect(written.length).toBeGreaterThan(2);
    expect(written.at(-1)).toContain('100%');
    expect(written.at(-1)).toContain('\u001b[2A');
  });

  test('nothing to show yet is nothing written', () => {
    const written = watch(true);
    const progress = showProgress(() => undefined);
    vi.advanceTimersByTime(1_000);
    progress.stop();
    expect(written).toEqual([]);
  });
});

test('several objects: what has ended and what runs in the first line, then a bar for each that runs', () => {
  const running = [
    { key: 'data/a.bin', report: report({ bytes: 1_000, receivedBytes: 400, resumedBytes: 100 }) },
    { key: 'data/b.bin', report: report({ bytes: undefined, receivedBytes: 0, resumedBytes: 0, routes: [] }) },
  ];
  const lines = severalLines({ objects: 7, ended: 2, bytes: 1_500_000 }, running);
  expect(lines[0]).toMatch(/^2 of 7 objects {2}1\.5 MB {2}[\d.]+ Mbit\/s$/);
  expect(lines[1]).toMatch(/^█+░+ {2}50% {2}data\/a\.bin$/);
  expect(lines[2]).toMatch(/^░+ {3}0% {2}data\/b\.bin$/);
});
