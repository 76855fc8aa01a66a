// The demo's picture of a running transfer, as lines: progress, a bar per route with what it does now, and the cycle of the
// present pattern in letters. Pure: a report in, text out.
import { elementAt, NOBODY } from '../../protocol/pattern.ts';
import { bar, formatBytes, formatRate } from '../commands/terminal.ts';
import type { RouteReport, SessionReport } from '../io/report.ts';
import { letterOf } from './palette.ts';
import type { Palette } from './palette.ts';
import type { Moment } from './screen.ts';

const PROGRESS_CELLS = 40;
const RATE_CELLS = 30;
const PATTERN_CELLS = 64;
const PLAIN_PATTERN_CELLS = 32;
const NAME_CELLS = 6;
const NO_ROUTE = '·';
const FILLED = '━';
const EMPTY = '─';

/** One moment of a transfer. `fastest`: Mbit/s of the fastest link, which a full bar stands for. */
export function momentOf(report: SessionReport, fastest: number, palette: Palette): Moment {
  return { lines: () => pictureLines(report, fastest, palette), line: () => plainLine(report) };
}

function pictureLines(report: SessionReport, fastest: number, palette: Palette): string[] {
  const { receivedBytes, elapsedMs, routes, patterns } = report;
  const done = doneOf(report);
  const full = Math.round(PROGRESS_CELLS * done);
  const progress = FILLED.repeat(full) + EMPTY.repeat(PROGRESS_CELLS - full);
  const of = `${formatBytes(receivedBytes)} of ${formatBytes(report.bytes ?? 0)}`;
  const { name, cells } = patternOf(report);
  const letters = cells.map((route) => (route === undefined ? NO_ROUTE : palette(route, letterOf(route))));
  return [
    '',
    `  ${progress} ${percent(done)}  ${of}  ${formatRate(rateOf(report))}  ${seconds(elapsedMs)}`,
    '',
    `  ${' '.repeat(NAME_CELLS + 2)} ${'rate now'.padEnd(RATE_CELLS)}              latency    share`,
    ...routes.map((route) => palette(route.index, `  ${routeLine(route, fastest)}`)),
    '',
    `  pattern ${String(patterns).padEnd(4)} ${name.padEnd(6)} ${letters.join('')}`,
  ];
}

function plainLine(report: SessionReport): string {
  const rates = report.routes.map((route) => `${letterOf(route.index)} ${megabits(route)}`).join('  ');
  const { name, cells } = patternOf(report);
  const letters = cells
    .slice(0, PLAIN_PATTERN_CELLS)
    .map((route) => (route === undefined ? NO_ROUTE : letterOf(route)));
  const total = formatRate(rateOf(report)).padStart(12);
  return `  ${seconds(report.elapsedMs)} ${percent(doneOf(report))} ${total}   ${rates}   pattern ${report.patterns} ${name} ${letters.join('')}`;
}

/** The cycle, a route's place for each element; at the end, when every segment is dealt by itself, those not here yet. */
function patternOf({ pattern, takenPoint, routes }: SessionReport): { name: string; cells: (number | undefined)[] } {
  const routeOfChannel = new Map(
    routes.flatMap(({ index, channels }) => channels.map(({ number }) => [number, index])),
  );
  const cellOf = (element: number): number | undefined =>
    element === NOBODY ? undefined : routeOfChannel.get(element);
  if (pattern.cycle.length > 0)
    return { name: 'cycle', cells: Array.from(pattern.cycle.subarray(0, PATTERN_CELLS), cellOf) };
  const from = Math.max(pattern.from, takenPoint);
  const length = Math.max(0, Math.min(pattern.to - from, PATTERN_CELLS));
  return { name: 'rest', cells: Array.from({ length }, (_, at) => cellOf(elementAt(pattern, from + at))) };
}

function routeLine(route: RouteReport, fastest: number): string {
  const name = `${letterOf(route.index)} ${route.name.padEnd(NAME_CELLS)}`;
  const rate = (route.rateBytesPerSecond * 8) / 1e6;
  const latency = route.latencyMs === undefined || route.state !== 'active' ? '' : `${route.latencyMs.toFixed(0)} ms`;
  const state = route.state === 'active' ? '' : `  ${route.state}`;
  return `${name} ${bar(rate / fastest, RATE_CELLS)} ${rate.toFixed(1).padStart(5)} Mbit/s ${latency.padStart(7)}    ${percent(route.share)}${state}`;
}

function doneOf({ receivedBytes, bytes }: SessionReport): number {
  return bytes === undefined ? 0 : Math.min(1, receivedBytes / Math.max(1, bytes));
}

function rateOf({ routes }: SessionReport): number {
  return routes.reduce((sum, route) => sum + route.rateBytesPerSecond, 0);
}

function megabits(route: RouteReport): string {
  return route.state === 'active' ? ((route.rateBytesPerSecond * 8) / 1e6).toFixed(1).padStart(4) : route.state;
}

function percent(fraction: number): string {
  return `${Math.floor(100 * fraction)} %`.padStart(5);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`.padStart(6);
}
