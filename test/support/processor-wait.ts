// How long processes were kept from running: on a machine that others use too, being late proves nothing by itself.
import { readFileSync } from 'node:fs';

/** ms for which the main thread of a process was ready while others had the processors; 0 where nobody tells. */
export function processorWaitMs(process: number | 'self'): number {
  try {
    return Number(readFileSync(`/proc/${process}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}
