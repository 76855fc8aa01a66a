// How many clients an origin listens to, and for how long to one that says or takes nothing: rows of its table of tuning.

const tuning = {
  maxChannels: {
    value: 4_096,
    min: 1,
    max: 1_000_000,
    unit: 'count',
    why: 'a stopped reader pins quickQueueBytes and one segment at most',
  },
  maxConnections: {
    value: 20_000,
    min: 1,
    max: 2_000_000,
    unit: 'count',
    why: 'accepted sockets, idle ones and channels included; above maxChannels',
  },
  channelIdleMs: { value: 60_000, min: 100, max: 86_400_000, unit: 'ms', why: 'a live client pings every few seconds' },
  writeStallMs: {
    value: 60_000,
    min: 100,
    max: 86_400_000,
    unit: 'ms',
    why: 'a reader that takes nothing for so long is gone',
  },
  lingerMs: {
    value: 5_000,
    min: 10,
    max: 60_000,
    unit: 'ms',
    why: 'for the peer to read the last frame after our FIN',
  },
  keepAliveMs: {
    value: 75_000,
    min: 1_000,
    max: 3_600_000,
    unit: 'ms',
    why: 'longer than what load balancers and undici keep idle connections',
  },
  headersMs: { value: 20_000, min: 1_000, max: 300_000, unit: 'ms', why: 'for a request head to arrive' },
} as const;

/** Rows for the table of tuning. */
export const CONNECTION_TUNING: Readonly<typeof tuning> = Object.freeze(tuning);
