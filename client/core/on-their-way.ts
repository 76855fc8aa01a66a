// What is on its way: missing segments that somebody was asked for, and when they are expected.
// Decides nothing: repair.ts does.
import type { Channel } from './channel.ts';
import { timeToBring } from './dealer.ts';
import { laneOf, routeOf } from './state.ts';
import type { TransferState } from './state.ts';

/** Silence from which a channel is taken to repair a loss, or to wait for its next flight, ms. */
const LAG_FROM_MS = 60;

/** A missing segment, who is to bring it, and in how many ms. */
export type Held = { readonly index: number; readonly holder: Channel; readonly finishMs: number };

/**
 * Missing segments before `end`, holder by holder, in the order in which each brings them: that in which it was asked,
 * patterns that it may not know yet to be out of force included. What a new one gives it comes behind what is in its pipe.
 */
function* onTheirWay(state: TransferState, end: number, now: number): Generator<Held> {
  const { channels, options, table } = state;
  for (const holder of channels.all) {
    if (!holder.sound) continue;
    const lane = laneOf(state, holder);
    const lag = lagOf(holder.silence(now), routeOf(state, holder).rttMs);
    let ahead = options.segmentBytes - holder.partialBytes;
    for (const index of holder.asked()) {
      if (index < end && table.isMissing(index)) {
        // what is overdue may never come
        const overdue = now - (holder.promises.get(index) ?? now);
        yield { index, holder, finishMs: timeToBring(lane, ahead) + Math.max(lag, overdue) };
      }
      ahead += options.segmentBytes;
    }
  }
}

/** No segment on its way comes later than in so many ms: a bound that costs next to nothing, for nearly always nothing is late. */
export function latestMs(state: TransferState, now: number): number {
  const { channels, options } = state;
  let latest = 0;
  for (const holder of channels.all) {
    if (!holder.sound || holder.ledger.mostAsked === 0) continue;
    let firstPromise = now;
    for (const promise of holder.promises.values()) firstPromise = Math.min(firstPromise, promise);
    const lagMs = lagOf(holder.silence(now), routeOf(state, holder).rttMs);
    const mostMs = timeToBring(laneOf(state, holder), holder.ledger.mostAsked * options.segmentBytes);
    latest = Math.max(latest, mostMs + Math.max(lagMs, now - firstPromise));
  }
  return latest;
}

/** Every missing segment before `end` that is on its way, in order, with the first to bring it. */
export function firstToCome(state: TransferState, end: number, now: number): Held[] {
  const first = new Map<number, Held>();
  for (const held of onTheirWay(state, end, now)) {
    const earlier = first.get(held.index);
    if (earlier === undefined || held.finishMs < earlier.finishMs) first.set(held.index, held);
  }
  return [...first.values()].sort((a, b) => a.index - b.index);
}

/** ms in which a channel goes on: when a round trip is over, or after as long again if that did not end it. */
function lagOf(silenceMs: number, rttMs: number): number {
  if (silenceMs <= LAG_FROM_MS) return 0;
  return silenceMs < rttMs ? rttMs - silenceMs : silenceMs;
}
