// What clients and tokens may take from an origin, and how many tokens are remembered: rows of its table of tuning. What
// is counted against the rates: allowances.ts.

const tuning = {
  maxBytesPerSecond: {
    value: 0,
    min: 0,
    max: 1_000_000_000_000,
    unit: 'bytes/s',
    why: 'payload to all clients together, shared fairly between channels and plain answers; 0 is no limit',
  },
  maxBytesPerSecondPerToken: {
    value: 0,
    min: 0,
    max: 1_000_000_000_000,
    unit: 'bytes/s',
    why: 'the same for one token; a token may say less; 0 is no limit',
  },
  tokenCacheEntries: {
    value: 10_000,
    min: 1,
    max: 1_000_000,
    unit: 'count',
    why: 'verified tokens remembered until they expire',
  },
} as const;

/** Rows for the table of tuning. */
export const RATE_TUNING: Readonly<typeof tuning> = Object.freeze(tuning);
