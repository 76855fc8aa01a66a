// The sizes of encoding segments on their way out: rows of the origin's table of tuning.

const tuning = {
  encodeJobs: {
    value: 2,
    min: 0,
    max: 64,
    unit: 'count',
    why: "segments compressed at once for clients that ask for it: half of zlib's threads, which read files as well; 0: none",
  },
  encodeQueueBytes: {
    value: 4_194_304,
    min: 0,
    max: 1_073_741_824,
    unit: 'bytes',
    why: 'segments that wait to be compressed, about 25 ms of work; what finds no place goes out plain',
  },
} as const;

/** Rows for the table of tuning. */
export const ENCODING_TUNING: Readonly<typeof tuning> = Object.freeze(tuning);
