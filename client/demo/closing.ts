// How the demo ends: the figures of the download, and the comparison with the plain GET over the fastest route, as lines.
// Pure.
import { bar, formatBytes, formatRate } from '../commands/terminal.ts';
import type { SessionReport } from '../io/report.ts';
import { letterOf } from './palette.ts';
import type { Palette } from './palette.ts';
import type { PlainResult } from './plain-get.ts';
import type { RoutePlan } from './stage.ts';

const COMPARISON_CELLS = 40;

/** The table of one finished download. */
export function downloadTable(report: SessionReport, palette: Palette): string[] {
  const bytes = report.bytes ?? 0;
  const waste = `${formatBytes(report.wasteBytes)} (${((100 * report.wasteBytes) / Math.max(1, bytes)).toFixed(1)} %)`;
  return [
    `  bytes     ${formatBytes(bytes)}, verified; the file is what was generated`,
    `  root      ${report.manifest?.root ?? ''}`,
    `  time      ${seconds(report.elapsedMs)}, ${formatRate(perSecond(bytes, report.elapsedMs))}`,
    ...report.routes.map((route, at) => {
      const share = `${(100 * route.share).toFixed(1).padStart(5)} %`;
      const text = `${letterOf(route.index)} ${route.name.padEnd(6)} ${share}  ${formatBytes(route.payloadBytes)}`;
      return `  ${at === 0 ? 'shares   ' : '         '} ${palette(route.index, text)}`;
    }),
    `  patterns  ${report.patterns}`,
    `  hedges    ${report.hedges}`,
    `  waste     ${waste}`,
  ];
}

/** Both ways to get the same bytes, and their ratio. */
export function comparison(woven: SessionReport, alone: PlainResult, route: RoutePlan, faults: boolean): string[] {
  const ours = perSecond(woven.bytes ?? 0, woven.elapsedMs);
  const theirs = perSecond(alone.bytes, alone.ms);
  const most = Math.max(ours, theirs);
  const ratio = ours / theirs;
  const line = (name: string, rate: number, ms: number): string =>
    `  ${name.padEnd(24)} ${bar(rate / most, COMPARISON_CELLS)} ${seconds(ms).padStart(7)}  ${formatRate(rate).padStart(11)}`;
  const onTheWay = faults ? ', with two faults on the way' : '';
  return [
    line(`heddle, ${woven.routes.length} routes`, ours, woven.elapsedMs),
    line(`plain GET, ${route.name} alone`, theirs, alone.ms),
    '',
    `  The same ${formatBytes(alone.bytes)} at ${ratio.toFixed(2)} times the rate of the best single route${onTheWay}.`,
  ];
}

function perSecond(bytes: number, ms: number): number {
  return (1_000 * bytes) / Math.max(1, ms);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
