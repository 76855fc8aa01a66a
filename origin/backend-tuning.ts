// The sizes and times of reading from a server that holds the objects (http, s3): rows of the origin's table of tuning.
// A folder of this machine needs none of them.

const tuning = {
  backendConnections: {
    value: 16,
    min: 1,
    max: 1_024,
    unit: 'count',
    why: 'connections to the server that holds the objects; each carries one read at a time',
  },
  backendReadsAhead: {
    value: 6,
    min: 1,
    max: 64,
    unit: 'count',
    why: 'reads of hashReadBytes under way while one object is hashed, so that distance costs little',
  },
  backendAheadBytes: {
    value: 4_194_304,
    min: 0,
    max: 1_073_741_824,
    unit: 'bytes',
    why: 'what is read before somebody who reads in order asks for it, as far as a quarter of cacheBytes has room',
  },
  backendStallMs: {
    value: 10_000,
    min: 50,
    max: 600_000,
    unit: 'ms',
    why: 'a server that sends nothing for so long is asked again, or given up',
  },
  backendReadMs: {
    value: 60_000,
    min: 100,
    max: 3_600_000,
    unit: 'ms',
    why: 'one read in all, however slowly its bytes drip',
  },
  backendAttempts: {
    value: 3,
    min: 1,
    max: 20,
    unit: 'count',
    why: 'requests that may fail on the way before a read fails; what has come is kept',
  },
  backendRescanMs: {
    value: 30_000,
    min: 100,
    max: 86_400_000,
    unit: 'ms',
    why: 'until the list of objects is asked for again when it could not be had at the start; longer each time',
  },
  backendFreshMs: {
    value: 1_000,
    min: 0,
    max: 3_600_000,
    unit: 'ms',
    why: 'how long an answer about the version of an object counts; each read is checked in any case',
  },
} as const;

/** Rows for the table of tuning. */
export const BACKEND_TUNING: Readonly<typeof tuning> = Object.freeze(tuning);
