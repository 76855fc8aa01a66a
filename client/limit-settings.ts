// The rows of a configuration file about what a route may be asked for. None has a default: without it there is no limit.
import { amount } from '../protocol/settings/amount.ts';
import type { Amount } from '../protocol/settings/amount.ts';
import type { Setting, SettingsTable } from '../protocol/settings/setting.ts';
import type { RouteLimits } from './route-limits.ts';

const limit = (bounds: Omit<Amount, 'value'>): Setting<number> => ({
  ...amount({ ...bounds, value: bounds.max }),
  initial: undefined,
});

export const ROUTE_LIMIT_SETTINGS: SettingsTable<RouteLimits> = {
  quotaBytes: limit({ min: 0, max: 2 ** 50, unit: 'bytes', why: 'what it may bring in one transfer' }),
  maxBytesPerSecond: limit({ min: 1_000, max: 1e12, unit: 'bytes/s', why: 'how fast it may be asked to bring it' }),
  maxConnections: limit({ min: 1, max: 64, unit: 'count', why: 'connections at one time' }),
};
