// Figures of one run of the route bench, from what was seen: stalls, how full the routes were, trust, Heddle's own account.
import { describe, expect, test } from 'vitest';
import { closingLine, falseMirrorFault } from '../bench/routes/closing-line.ts';
import { distrustOf } from '../bench/routes/distrust.ts';
import { PAYLOAD_SHARE } from '../bench/routes/fluid-ideal.ts';
import type { NetworkUse } from '../bench/routes/network.ts';
import { progressFigures, worstAroundChanges } from '../bench/routes/progress-figures.ts';
import type { RunResult } from '../bench/routes/result.ts';
import { parseScenario } from '../bench/routes/scenario-file.ts';
import { countingRuns, summaryLines } from '../bench/routes/summary.ts';

const marksOf = (...pairs: (readonly [number, number])[]) => pairs.map(([atSeconds, bytes]) => ({ atSeconds, bytes }));

describe('progress', () => {
  test('the longest time without a further byte, and when', () => {
    const marks = marksOf([0.2, 10], [0.3, 20], [0.9, 30], [1, 100]);
    const figures = progressFigures(marks, 100, 1.5);
    expect(figures.firstByteSeconds).toBe(0.2);
    expect(figures.longestStallSeconds).toBeCloseTo(0.6);
    expect(figures.stallAtSeconds).toBe(0.3);
  });

  test('what never became whole stalls until the end', () => {
    expect(progressFigures(marksOf([0.2, 10], [0.3, 20]), 100, 5).longestStallSeconds).toBeCloseTo(4.7);
    expect(progressFigures([], 100, 5).longestStallSeconds).toBeUndefined();
  });
});

describe('around changes', () => {
  const scenario = parseScenario(
    JSON.stringify({
      name: 'x',
      title: 'x',
      objectBytes: 1,
      routes: [{ megabitsPerSecond: 8 / PAYLOAD_SHARE, rttMs: 0.001 }],
      events: [{ type: 'rate', atSeconds: 20, route: 1, megabitsPerSecond: 4 / PAYLOAD_SHARE }],
    }),
  );
  const arrivals = [
    { atSeconds: 15, payloadBytes: 15e6 },
    { atSeconds: 20, payloadBytes: 20e6 },
    { atSeconds: 25, payloadBytes: 21e6 },
  ];

  test('what arrived in 10 s, of what could have', () => {
    // 5 s of 1 MB/s and 5 s of 0.5 MB/s were possible; 6 MB came.
    expect(worstAroundChanges(scenario, 'returns', arrivals, 60)).toBeCloseTo(6 / 7.5, 4);
  });

  test('a change after the end is none', () => {
    expect(worstAroundChanges(scenario, 'returns', arrivals, 19)).toBeUndefined();
  });
});

describe('trust', () => {
  const use: NetworkUse = { links: [], arrivals: [], launchSeconds: 0, lateFraction: 0.001, latestMs: 5 };

  test('a quiet run is trusted, also where foreign load is not known', () => {
    expect(distrustOf('emulated', use, 0.05)).toEqual([]);
    expect(distrustOf('user-space', use, undefined)).toEqual([]);
  });

  test.each([
    [{ ...use, lateFraction: 0.02 }, 0, '2.0 % late'],
    [{ ...use, latestMs: 60 }, 0, 'a packet 60 ms late'],
    [use, 1.2, 'others used 1.20 cores'],
  ])('a run is not trusted (case %#)', (seen, foreign, reason) => {
    expect(distrustOf('emulated', seen, foreign)).toEqual([reason]);
  });

  test('only trusted runs count, unless there is none', () => {
    const runOf = (seed: number, ...distrust: string[]) => ({ seed, distrust }) as unknown as RunResult;
    const [quiet, busy] = [runOf(1), runOf(2, 'busy')];
    expect(countingRuns([busy, quiet, busy])).toEqual([quiet]);
    expect(countingRuns([busy, busy])).toEqual([busy, busy]);
  });
});

test('the last closing line is taken, others and broken ones are not', () => {
  const log =
    '{"type":"progress"}\nnoise\n{"type":"done","wasteBytes":1}\n{"type":"done","wasteBytes":7,"hedges":2}\n{"type":"do';
  expect(closingLine(log)).toMatchObject({ wasteBytes: 7, hedges: 2 });
  expect(closingLine('{"type":"error"}\n')).toBeUndefined();
});

test('a false mirror has to be dropped', () => {
  const routes = ['active', 'excluded'].map((state) => ({ state }));
  expect(falseMirrorFault({ routes }, 2)).toBeUndefined();
  expect(falseMirrorFault({ routes }, 1)).toMatch(/not dropped: it is active/);
  expect(falseMirrorFault({}, 1)).toMatch(/not there/);
});

test('the table has a row for each peer, with ratios to curl and to the fastest that is not Heddle', () => {
  const scenario = parseScenario(
    JSON.stringify({ name: 'x', title: 'x', objectBytes: 1, routes: [{ megabitsPerSecond: 1, rttMs: 1 }] }),
  );
  const runOf = (peer: string, wallSeconds: number, correct = true): RunResult =>
    ({
      scenario: 'x',
      peer,
      wallSeconds,
      correct,
      ofIdeal: correct ? 1 / wallSeconds : 0,
      distrust: [],
    }) as unknown as RunResult;
  const [, , ...rows] = summaryLines(
    [scenario],
    [runOf('heddle', 2), runOf('curl', 8), runOf('aria2', 3), runOf('aria2', 5), runOf('mptcp', 1, false)],
  );
  const cells = rows.map((line) => line.split('|').map((cell) => cell.trim()));
  expect(cells.map(([, , peer, runs, seconds, , , curl, others]) => [peer, runs, seconds, curl, others])).toEqual([
    ['heddle', '1/1', '2.00', '×4.00', '×2.00'],
    ['curl', '1/1', '8.00', '–', '–'],
    ['aria2', '2/2', '4.00', '×2.00', '–'],
    ['mptcp', '0/1', '–', '–', '–'],
  ]);
});
