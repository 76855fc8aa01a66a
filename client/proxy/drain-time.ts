// How long a proxy that is told to end lets take what is under way: default and bounds, for the flag and for the file.

export const DRAIN_TIME = {
  /** Below the 30 s that Kubernetes gives. */
  value: 20_000,
  min: 0,
  max: 3_600_000,
  why: 'how long what is under way in heddle proxy may take when it is told to end',
} as const;
