// The cap of a whole transfer: shared out over the routes by what their paths carry, so that each keeps its part of the
// segments under a cap as it does without one. Each route keeps to its part by its own pace.
// Invariant: the parts of the routes in use sum to the cap.
import { channelsOf, pathRateOf } from './state.ts';
import type { TransferState } from './state.ts';

/** No route in use gets less than this part of an equal one, or it could never show that it carries more. */
const LEAST_PART = 0.05;

/** Gives every route its part of the transfer's cap, if there is one, and its own. */
export function shareOutCap(state: TransferState, now: number): void {
  const { maxBytesPerSecond: cap } = state;
  const { segmentBytes } = state.options;
  const rates = state.routes.map((route) =>
    channelsOf(state, route)
      .filter((channel) => channel.usable)
      .reduce((sum, channel) => sum + pathRateOf(state, channel), 0),
  );
  const used = rates.filter((rate) => rate > 0).length;
  const average = rates.reduce((sum, rate) => sum + rate, 0) / Math.max(1, used);
  const weights = rates.map((rate) => (rate > 0 ? Math.max(rate, LEAST_PART * average) : 0));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  for (const route of state.routes) {
    const weight = weights[route.index] ?? 0;
    // a route without a channel asks for nothing; it begins with an equal part
    const part = weight > 0 ? weight / sum : 1 / state.routes.length;
    route.hold(cap === undefined ? undefined : cap * part, segmentBytes, now);
  }
}
