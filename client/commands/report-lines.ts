// What `heddle get` says of a transfer: the lines of --json, and the closing line for people. How it is followed and where
// the lines go is not its business.
import type { RouteReport, SessionReport, Vouching } from '../io/report.ts';
import { formatBytes, formatRate } from './terminal.ts';

/** The last line of --json of one object. */
export function doneLine(report: SessionReport): Record<string, unknown> {
  return {
    type: 'done',
    key: report.key,
    bytes: report.bytes,
    resumedBytes: report.resumedBytes,
    seconds: seconds(report.elapsedMs),
    ...vouchingLine(report.vouching),
    patterns: report.patterns,
    wasteBytes: report.wasteBytes,
    hedges: report.hedges,
    firstByteSeconds: report.firstByteMs === undefined ? null : seconds(report.firstByteMs),
    routes: routeLines(report),
  };
}

/** What vouches for the bytes; `checks` only where that is not each segment's proof. */
function vouchingLine({ verified, root, checks }: Vouching): Record<string, unknown> {
  const proven = checks.length === 1 && checks[0] === 'pages';
  return { root: root ?? null, verified, ...(proven ? {} : { checks }) };
}

/** A picture of it now, as a line of --json. */
export function progressLine(report: SessionReport): Record<string, unknown> {
  const { bytes, receivedBytes, patterns } = report;
  return {
    type: 'progress',
    bytes,
    receivedBytes,
    patterns,
    seconds: seconds(report.elapsedMs),
    routes: routeLines(report),
  };
}

function routeLines(report: SessionReport): Record<string, unknown>[] {
  return report.routes.map((route) => ({
    name: route.name,
    bytes: route.payloadBytes,
    segments: route.segments,
    share: Number(route.share.toFixed(4)),
    corrupt: route.corrupt,
    state: route.state,
    rateBytesPerSecond: Math.round(route.rateBytesPerSecond),
    rttSeconds: seconds(route.rttMs),
    ...(route.savedBytes === 0 ? {} : { savedBytes: route.savedBytes }),
    ...(route.state === 'active' || route.reason === undefined ? {} : { reason: route.reason, why: route.why }),
  }));
}

/** How it went, in words. */
export function summary(report: SessionReport): string {
  const { resumedBytes } = report;
  const rate = formatRate((1_000 * ((report.bytes ?? 0) - resumedBytes)) / Math.max(1, report.elapsedMs));
  const before = resumedBytes === 0 ? '' : `, ${formatBytes(resumedBytes)} were here`;
  const shares = report.routes.map(shareOf).join(', ');
  const { verified, checks } = report.vouching;
  const how = verified ? 'verified in' : 'in';
  const line = `${formatBytes(report.bytes ?? 0)} ${how} ${seconds(report.elapsedMs)} s (${rate}${before}): ${shares}`;
  return verified ? line : `${line}\nNOT VERIFIED: ${doubt(checks)}; give --root or --checksum to be sure`;
}

/** The share of a dropped mirror, or of a route that never worked, says nothing; the reason does. */
function shareOf({ name, share, state, payloadBytes, why }: RouteReport): string {
  const isUseless = payloadBytes === 0 && (state === 'down' || state === 'connecting');
  const word = state === 'excluded' ? 'dropped' : isUseless ? 'down' : undefined;
  const reason = word === undefined || why === undefined ? '' : ` (${word}: ${why.replaceAll(/\p{C}/gu, '?')})`;
  return `${name} ${Math.round(100 * share)}%${reason}`;
}

/** What is known of bytes that nothing proves. */
function doubt(checks: Vouching['checks']): string {
  if (checks.includes('digest')) return 'the bytes have only the checksum that their own server announced';
  if (checks.includes('etag')) return 'the mirrors agree on size, ETag and samples, and nothing proves the bytes';
  if (checks.includes('size')) return 'the mirrors agree on size and samples, and nothing proves the bytes';
  return 'nothing proves what the mirror sent';
}

/** To the millisecond. */
export function seconds(ms: number): number {
  return Number((ms / 1_000).toFixed(3));
}
