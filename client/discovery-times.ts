// The times of discovery: how often to ask, how long to wait, how long a route stays that is not named any more.
import type { Amount } from '../protocol/settings/amount.ts';

const times = {
  leastRefreshMs: {
    value: 5_000,
    min: 100,
    max: 3_600_000,
    unit: 'ms',
    why: 'nobody is asked more often, whatever holds shorter; also the first pause after a failure',
  },
  refreshMs: {
    value: 30_000,
    min: 100,
    max: 86_400_000,
    unit: 'ms',
    why: 'how often to ask for what does not say how long it holds (SRV)',
  },
  mostRefreshMs: {
    value: 300_000,
    min: 100,
    max: 86_400_000,
    unit: 'ms',
    why: 'everybody is asked that often, whatever holds longer',
  },
  holdMs: {
    value: 60_000,
    min: 0,
    max: 86_400_000,
    unit: 'ms',
    why: 'how long a route stays that its source does not name any more, so that none comes and goes',
  },
  timeoutMs: { value: 3_000, min: 50, max: 60_000, unit: 'ms', why: 'how long an answer may take' },
} as const;

/** Each time: default, bounds, unit, reason. */
export const DISCOVERY_TIMES: Readonly<Record<keyof typeof times, Amount>> = Object.freeze(times);

/** The times. */
export type DiscoveryTimes = Readonly<Record<keyof typeof times, number>>;
