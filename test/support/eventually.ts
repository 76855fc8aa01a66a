// Waiting for what announces itself by no event: a state that must come, a counter that must come to rest. Both look
// again and again; the test's own time limit ends what never comes.
import { setTimeout as sleep } from 'node:timers/promises';

/** Between two looks at a state, ms. */
const LOOK_MS = 2;
/** Between two looks at a counter, ms, and how many in turn must find it unmoved. */
const REST_LOOK_MS = 5;
const REST_LOOKS = 20;

/** Waits until `isSo`. */
export async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(LOOK_MS);
}

/** Waits until a counter no longer moves, and gives it. Too short a wait can only hide a fault, never make one up. */
export async function settled(read: () => number): Promise<number> {
  let [value, same] = [read(), 0];
  while (same < REST_LOOKS) {
    await sleep(REST_LOOK_MS);
    const next = read();
    same = next === value ? same + 1 : 0;
    value = next;
  }
  return value;
}
