// Measurements that need a machine that keeps up: while this process stands still, so do the links and taps in it, and
// while the client does, it sends nothing; such a transfer is not one without faults. What was disturbed is done again.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { WireLog } from './wire-log.ts';

/** Standstill from which a transfer counts as disturbed, ms: well below the silence that makes a channel suspect. */
const MOST_STANDSTILL_MS = 60;
/** Pause on the wire from which something stood still elsewhere, ms: a client pings every 100 ms at the latest. */
const MOST_PAUSE_MS = 130;
const MOST_ATTEMPTS = 4;

/** Something measured, and whether everything kept up meanwhile. */
export type Measured<Value> = { readonly value: Value; readonly steady: boolean };

/** Runs `work`, whose frames go into `log`, and watches this process and the wire meanwhile. */
export async function watched<Value>(log: WireLog, work: () => Promise<Value>): Promise<Measured<Value>> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const value = await work();
  delay.disable();
  const pauseMs = Math.max(log.longestPause('up'), log.longestPause('down'));
  return { value, steady: delay.max / 1e6 <= MOST_STANDSTILL_MS && pauseMs <= MOST_PAUSE_MS };
}

/** The first attempt that was not disturbed, or the last of a few. */
export async function undisturbed<Value>(attempt: () => Promise<Measured<Value>>): Promise<Value> {
  for (let left = MOST_ATTEMPTS; ; left -= 1) {
    const { value, steady } = await attempt();
    if (steady || left === 1) return value;
  }
}
