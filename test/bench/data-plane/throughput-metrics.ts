// The figures of everything that moves bytes.
import type { Metric } from './section.ts';

/** Speed of the chain, CPU of what is measured, its largest resident size. */
export const THROUGHPUT_METRICS: readonly Metric[] = [
  { key: 'gigabytesPerSecond', title: 'GB/s', digits: 2, compare: true },
  { key: 'cpuPerGigabyte', title: 'CPU-s/GB', digits: 3, compare: true },
  { key: 'peakMegabytes', title: 'peak MB', digits: 0 },
];
