// A simulated run in figures: how long, how near the ideals, what was wasted, and the same as lines of text.
import type { Scenario } from '../scenario/scenario.ts';
import type { Run } from '../world/run.ts';
import type { Deliveries } from './deliveries.ts';
import type { Ideal } from './ideal.ts';
import { smoothnessOf } from './smoothness.ts';
import type { Smoothness } from './smoothness.ts';
import type { Pause, Row, Trace } from './trace.ts';

/** The figures of one run. Fractions of 1. */
export type Figures = {
  readonly isDone: boolean;
  readonly ms: number;
  readonly ofFluid: number;
  readonly ofIdeal: number;
  readonly ofGreedy: number;
  readonly ofPlain: number;
  /** Above 1: faster than the best single route, with up to 16 connections, and with one. */
  readonly ofBestSingle: number;
  readonly ofPlainSingle: number;
  readonly waste: number;
  /** Payload that answered PATTERN, of all that was taken. */
  readonly byPattern: number;
  readonly hedges: number;
  readonly patterns: number;
  readonly pause: Pause;
  readonly firstByteMs: number;
  readonly smoothness: Smoothness;
};

export function figuresOf(scenario: Scenario, run: Run, trace: Trace, deliveries: Deliveries, ideal: Ideal): Figures {
  const { counters, routes } = run.snapshot;
  const isDone = run.outcome.type === 'done';
  const ofTime = (ms: number): number => (isDone ? ms / run.ms : 0);
  const payload = routes.reduce((sum, route) => sum + route.payloadBytes, 0);
  const patternBytes = routes.reduce((sum, route) => sum + route.patternBytes, 0);
  return {
    isDone,
    ms: run.ms,
    ofFluid: ofTime(ideal.fluidMs),
    ofIdeal: ofTime(ideal.idealMs),
    ofGreedy: ofTime(ideal.greedyMs),
    ofPlain: ofTime(ideal.plainMs),
    ofBestSingle: ofTime(ideal.bestSingleMs),
    ofPlainSingle: ofTime(ideal.bestPlainSingleMs),
    waste: counters.wasteBytes / scenario.bytes,
    byPattern: payload === 0 ? 1 : patternBytes / payload,
    hedges: counters.hedges,
    patterns: counters.patterns,
    pause: trace.longestPause,
    firstByteMs: trace.firstByteMs ?? Number.POSITIVE_INFINITY,
    smoothness: smoothnessOf(scenario, deliveries, run.ms),
  };
}

type Reported = { readonly run: Run; readonly trace: Trace; readonly ideal: Ideal; readonly figures: Figures };

/** A readable summary: a block per second, then the figures. */
export function reportLines(scenario: Scenario, { run, trace, ideal, figures }: Reported): string[] {
  const names = scenario.routes.map((route) => route.name);
  const width = Math.max(5, ...names.map((name) => name.length));
  let before = 0;
  const blocks = trace.rows.flatMap((row) => {
    const ms = row.atMs - before;
    before = row.atMs;
    return rowLines(row, Math.max(1, ms), names, width, scenario);
  });
  const header = `   s  ${'route'.padEnd(width)}  Mbit/s  of line  share  window KiB  asked KiB  rtt ms  state`;
  return [header, ...blocks, ...noteLines(trace), '', ...figureLines(figures, ideal, run, names)];
}

function rowLines(row: Row, ms: number, names: readonly string[], width: number, scenario: Scenario): string[] {
  const segmentBytes = scenario.core.segmentBytes ?? 32_768;
  const total = row.routes.reduce((sum, route) => sum + route.cameBytes, 0);
  const head =
    `${(row.atMs / 1_000).toFixed(1).padStart(5)}  epoch ${row.epoch}, in order ` +
    `${((row.pointSegment * segmentBytes) / 1e6).toFixed(1)} MB and ${row.aheadSegments} segments ahead, ` +
    `${((total * 8) / ms / 1_000).toFixed(1)} Mbit/s, waste ${kib(row.wasteBytes)} KiB, ${row.hedges} hedges`;
  const lines = row.routes.map((route) => {
    const rate = (route.cameBytes * 8) / ms / 1_000;
    const line = scenario.routes[route.index]?.rateMbit ?? 1;
    return [
      `      ${(names[route.index] ?? '?').padEnd(width)}`,
      rate.toFixed(2).padStart(6),
      percent(rate / line).padStart(7),
      percent(total === 0 ? 0 : route.cameBytes / total).padStart(5),
      kib(route.windowBytes).padStart(10),
      kib(route.outBytes).padStart(9),
      `${route.rttMs.toFixed(0)}/${route.latencyMs?.toFixed(0) ?? '?'}`.padStart(7),
      `${route.state}${route.slowStart ? ', slow start' : ''}`,
    ].join('  ');
  });
  return [head, ...lines];
}

function noteLines(trace: Trace): string[] {
  const notes = trace.notes.map(({ atMs, text }) => `${(atMs / 1_000).toFixed(3).padStart(9)}  ${text}`);
  return notes.length > 60 ? [...notes.slice(0, 60), `  … and ${notes.length - 60} more`] : notes;
}

function figureLines(figures: Figures, ideal: Ideal, run: Run, names: readonly string[]): string[] {
  const { outcome } = run;
  const { smoothness } = figures;
  const seconds = (ms: number): string => `${(ms / 1_000).toFixed(3)} s`;
  return [
    outcome.type === 'done' ? `done in ${seconds(run.ms)}` : `failed after ${seconds(run.ms)}: ${outcome.message}`,
    `fluid ideal ${seconds(ideal.fluidMs)}: reached ${figures.ofFluid.toFixed(3)}`,
    `ideal of up to 16 connections per route ${seconds(ideal.idealMs)}: reached ${figures.ofIdeal.toFixed(3)}`,
    `greedy flows on every route ${seconds(ideal.greedyMs)}: reached ${figures.ofGreedy.toFixed(3)}`,
    `one TCP connection per route ${seconds(ideal.plainMs)}: reached ${figures.ofPlain.toFixed(3)}`,
    `best single route ${names[ideal.bestSingle] ?? 'none'} ${seconds(ideal.bestSingleMs)}: ${figures.ofBestSingle.toFixed(2)} times as fast`,
    `best single TCP connection ${seconds(ideal.bestPlainSingleMs)}: ${figures.ofPlainSingle.toFixed(2)} times as fast`,
    `first byte ${seconds(figures.firstByteMs)}, longest pause of the in-order point ${figures.pause.ms.toFixed(0)} ms at ${seconds(figures.pause.fromMs)}`,
    `between deliveries (99 %) ${smoothness.gap.toFixed(2)} segments' worth, bursts ${smoothness.burstGap.toFixed(2)}`,
    `reorder memory ${kib(smoothness.reorderBytes)} KiB, ${smoothness.ofSpread.toFixed(2)} of what the spread of latencies requires`,
    `waste ${(100 * figures.waste).toFixed(2)} %, ${figures.hedges} hedges, ${figures.patterns} patterns, ${percent(figures.byPattern)} by pattern`,
  ];
}

function kib(bytes: number): string {
  return Math.round(bytes / 1_024).toString();
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(0)} %`;
}
