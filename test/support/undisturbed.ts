// Measurements that need a machine that keeps up: while this process stands still, so do the links and taps in it, and a
// transfer over them is no longer one without faults. What was disturbed is done again.
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Standstill from which a transfer counts as disturbed, ms: well below the silence that makes a channel suspect. */
const MOST_STANDSTILL_MS = 60;
const MOST_ATTEMPTS = 4;

/** Something measured, and the longest standstill of this process meanwhile, ms. */
export type Measured<Value> = { readonly value: Value; readonly standstillMs: number };

/** Runs `work` and watches the loop meanwhile. */
export async function watched<Value>(work: () => Promise<Value>): Promise<Measured<Value>> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const value = await work();
  delay.disable();
  return { value, standstillMs: delay.max / 1e6 };
}

/** The first attempt that was not disturbed, or the last of a few. */
export async function undisturbed<Value>(attempt: () => Promise<Measured<Value>>): Promise<Value> {
  for (let left = MOST_ATTEMPTS; ; left -= 1) {
    const { value, standstillMs } = await attempt();
    if (standstillMs <= MOST_STANDSTILL_MS || left === 1) return value;
  }
}
