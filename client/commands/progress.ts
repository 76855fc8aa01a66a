// Progress of a running transfer: bars that are redrawn in place on a terminal (the total, then one per route), plain
// lines elsewhere. Never more than 100 %.
import type { RouteReport, SessionReport } from '../io/report.ts';
import { bar, formatBytes, formatRate, LiveBlock, paint } from './terminal.ts';

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 2_000;
/** Width of a bar. */
export const BAR_CELLS: number = 24;

/** Something that shows progress until it is stopped. */
export type Progress = { stop(): void };

/** Shows `report()` until stopped; `undefined` while there is nothing to show. */
export function showProgress(report: () => SessionReport | undefined): Progress {
  return process.stderr.isTTY ? redraw(report) : plain(report);
}

/** The lines of one picture: the total first. */
export function progressLines(report: SessionReport): string[] {
  const done = doneFraction(report);
  const rate = report.routes.reduce((sum, route) => sum + route.rateBytesPerSecond, 0);
  const of = report.bytes === undefined ? '' : ` of ${formatBytes(report.bytes)}`;
  const here = report.receivedBytes + report.resumedBytes;
  const total = `${bar(done, BAR_CELLS)} ${percent(done)}  ${formatBytes(here)}${of}  ${formatRate(rate)}  pattern ${report.patterns}`;
  const nameWidth = Math.max(...report.routes.map((route) => route.name.length), 5);
  return [`${'total'.padEnd(nameWidth)} ${total}`, ...report.routes.map((route) => routeLine(route, nameWidth))];
}

/** How much of it is here; 0 while its size is not known. */
export function doneFraction({ receivedBytes, resumedBytes, bytes }: SessionReport): number {
  return (receivedBytes + resumedBytes) / Math.max(1, bytes ?? Number.POSITIVE_INFINITY);
}

function routeLine(route: RouteReport, nameWidth: number): string {
  const state =
    route.state === 'active' ? '' : `  ${route.state}${route.reason === undefined ? '' : ` (${route.reason})`}`;
  const latency = route.latencyMs === undefined ? '' : `  ${route.latencyMs.toFixed(0)} ms`;
  const text = `${bar(route.share, BAR_CELLS)} ${percent(route.share)}  ${formatRate(route.rateBytesPerSecond)}${latency}${state}`;
  return paint(route.state === 'active' ? 'green' : 'yellow', `${route.name.padEnd(nameWidth)} ${text}`);
}

/** Rounded down, so that 100 % is all. */
export function percent(fraction: number): string {
  return `${Math.floor(100 * Math.max(0, Math.min(1, fraction)))
    .toString()
    .padStart(3)}%`;
}

function redraw(report: () => SessionReport | undefined): Progress {
  const block = new LiveBlock(process.stderr);
  const draw = (): void => {
    const now = report();
    if (now !== undefined) block.draw(progressLines(now));
  };
  const timer = setInterval(draw, REDRAW_MS);
  return {
    stop() {
      clearInterval(timer);
      draw();
    },
  };
}

function plain(report: () => SessionReport | undefined): Progress {
  const timer = setInterval(() => {
    const now = report();
    if (now === undefined) return;
    const [total = ''] = progressLines(now);
    const routes = now.routes.map((route) => `${route.name} ${formatRate(route.rateBytesPerSecond)}`).join(', ');
    process.stderr.write(`${total.replace(/^total\s+\S+\s+/, '')}  (${routes})\n`);
  }, PLAIN_LINE_MS);
  return { stop: () => clearInterval(timer) };
}
