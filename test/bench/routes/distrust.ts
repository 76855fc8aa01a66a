// Whether a run can be trusted: not when the emulation was late or somebody else kept the machine busy. Pure.
import { isBusy } from '../report/trust.ts';
import type { Network, NetworkUse } from './network.ts';

/** Fraction of packets handed over more than 2 ms late. */
const MOST_LATE = 0.01;
/** The worst packet of all: a shaper on an event loop is late more easily than an emulator with real-time priority. */
const LATEST_MS = { emulated: 30, 'user-space': 100 } as const;

/** The reasons against a run, in a few words each. */
export function distrustOf(kind: Network['kind'], use: NetworkUse, foreignCores: number | undefined): string[] {
  const reasons: string[] = [];
  if (use.lateFraction > MOST_LATE) reasons.push(`${(100 * use.lateFraction).toFixed(1)} % late`);
  if (use.latestMs > LATEST_MS[kind]) reasons.push(`a packet ${use.latestMs.toFixed(0)} ms late`);
  if (isBusy(foreignCores)) {
    reasons.push(`others used ${foreignCores?.toFixed(2)} cores`);
  }
  return reasons;
}
