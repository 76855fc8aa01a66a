// What every curve works with. A type only.
import type { Workbench } from '../data-plane/workbench.ts';

/** The bench of one run. */
export type GrowthBench = {
  readonly bench: Workbench;
  /** Also the points that take minutes. */
  readonly full: boolean;
};
