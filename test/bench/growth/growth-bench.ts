// What every curve works with: the bench of the run, how far it goes, and the walk over the sizes of a curve.
import type { Workbench } from '../data-plane/workbench.ts';
import type { Point } from './curve.ts';

/** The bench of one run. */
export type GrowthBench = {
  readonly bench: Workbench;
  /** Also the points that take minutes. */
  readonly full: boolean;
  readonly progress: (line: string) => void;
};

/** The sizes of a curve; `full` are added where there is time. */
export type Steps = { readonly normal: readonly number[]; readonly full: readonly number[] };

type Values = Point['values'];

/** Measures at one size after the other; one that fails says why and holds nobody up. What `scope` owns goes with each. */
export async function pointsOf(
  { bench, full, progress }: GrowthBench,
  steps: Steps,
  measure: (at: number, scope: DisposableStack) => Values | Promise<Values>,
): Promise<Point[]> {
  const points: Point[] = [];
  for (const at of full ? [...steps.normal, ...steps.full] : steps.normal) {
    progress(at.toLocaleString('en-US'));
    using scope = bench.teardown.scope();
    try {
      points.push({ at, values: await measure(at, scope) });
    } catch (error) {
      points.push({ at, values: [], fault: error instanceof Error ? error.message : String(error) });
    }
  }
  return points;
}
