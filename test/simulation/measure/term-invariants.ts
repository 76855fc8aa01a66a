// What must hold of the terms that a client is given for its routes: quota, allowed rate, connections. One function per
// invariant, each with the words it complains with.
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import type { RouteSnapshot } from '../../../client/core/snapshot.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { Account } from './account.ts';

/** What may come beyond an allowed rate: a window that is under way, bytes, and a part of the whole. */
const RATE_SLACK_BYTES = 262_144;
const RATE_SLACK = 1.05;

/** To within one segment: what was asked for comes whole. */
export function quotaIsKept({ routes, core }: Scenario, seen: readonly RouteSnapshot[]): string | undefined {
  const slack = core.segmentBytes ?? CORE_DEFAULTS.segmentBytes;
  for (const [index, { name, terms }] of routes.entries()) {
    const brought = seen[index]?.payloadBytes ?? 0;
    if (terms?.quotaBytes === undefined || brought <= terms.quotaBytes + slack) continue;
    return `route ${name} brought ${brought} bytes, its quota is ${terms.quotaBytes}`;
  }
  return undefined;
}

export function allowedRateIsKept(
  { routes }: Scenario,
  seen: readonly RouteSnapshot[],
  ms: number,
): string | undefined {
  for (const [index, { name, terms }] of routes.entries()) {
    const brought = seen[index]?.payloadBytes ?? 0;
    if (terms?.maxBytesPerSecond === undefined) continue;
    const most = (RATE_SLACK * terms.maxBytesPerSecond * ms) / 1_000 + RATE_SLACK_BYTES;
    if (brought > most) return `route ${name} brought ${brought} bytes in ${Math.round(ms)} ms, more than allowed`;
  }
  return undefined;
}

export function connectionsAreKept({ routes }: Scenario, { channels }: Account): string | undefined {
  const open = routes.map(() => 0);
  for (const { route, stage } of channels.values()) if (stage !== 'closed') open[route] = (open[route] ?? 0) + 1;
  for (const [index, { name, terms }] of routes.entries()) {
    const most = terms?.maxConnections ?? Number.POSITIVE_INFINITY;
    if ((open[index] ?? 0) > most) return `route ${name} has ${open[index]} connections, ${most} are allowed`;
  }
  return undefined;
}
