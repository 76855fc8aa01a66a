// The bounds of what the control interface tells: what one watcher of one transfer may cost.
import { expect, test } from 'vitest';
import {
  HEARTBEAT_MS,
  MOST_CELLS,
  MOST_EXACT_SEGMENTS,
  MOST_LEAD_TOLD,
  SAMPLE_MS,
} from '../../../client/control/messages.ts';

test('a watcher costs a few messages a second, and a bounded number of cells, elements and runs in each', () => {
  expect(1_000 / SAMPLE_MS).toBeLessThanOrEqual(10);
  expect(HEARTBEAT_MS).toBeLessThan(30_000);
  expect(Math.max(MOST_CELLS, MOST_LEAD_TOLD, MOST_EXACT_SEGMENTS)).toBeLessThanOrEqual(65_536);
});
