// Progress of several objects in lines: all of them first, then one bar for each that runs. Never more than 100 %.
import type { SessionReport } from '../io/report.ts';
import { BAR_CELLS, doneFraction, percent } from './progress.ts';
import { bar, formatBytes, formatRate } from './terminal.ts';

/** How far all of them are; `bytes` of those that have ended. */
type All = { readonly objects: number; readonly ended: number; readonly bytes: number };

/** The lines of one picture: the total first. */
export function severalLines(
  { objects, ended, bytes }: All,
  running: readonly { readonly key: string; readonly report: SessionReport }[],
): string[] {
  const reports = running.map(({ report }) => report);
  const rate = reports
    .flatMap(({ routes }) => routes)
    .reduce((sum, { rateBytesPerSecond }) => sum + rateBytesPerSecond, 0);
  const here = reports.reduce((sum, { receivedBytes, resumedBytes }) => sum + receivedBytes + resumedBytes, bytes);
  return [
    `${ended} of ${objects} objects  ${formatBytes(here)}  ${formatRate(rate)}`,
    ...running.map(({ key, report }) => {
      const done = doneFraction(report);
      return `${bar(done, BAR_CELLS)} ${percent(done)}  ${key}`;
    }),
  ];
}
