// What holds everything up, foreseen: segments on their way that come so late that the stream would stand still, or that
// nothing more could be asked for before they are here. Decides nothing: repair.ts does.
import { mostInMemory } from './memory-room.ts';
import { firstToCome, latestMs } from './on-their-way.ts';
import type { Held } from './on-their-way.ts';
import { outstandingSegments, totalRate } from './state.ts';
import type { TransferState } from './state.ts';

/** Missing segments looked at: the ones that hold up the output. */
const DEPTH = 24;
/** What comes so much later than the total rate would have it makes the stream stand still, ms. */
const STANDSTILL_MS = 150;
/** while its holder is so far behind what was promised when it was asked, ms: honest latency is no lateness. */
const BEHIND_MS = 100;
/** Part of the reorder window that must be free for it not to be looked at. */
const ROOMY = 0.3;
/** The output waits for its reader, not for routes, when so much of the reorder window waits for that. */
const READER_PART = 0.25;
/** A full window costs something from so many ms on, */
const BLOCKED_MS = 50;
/** and from the time of so many segments. */
const BLOCKED_SEGMENTS = 4;

/** A segment that comes in `finishMs`, though it is needed in `neededMs`. */
export type Late = Held & { readonly neededMs: number };

/** What makes the stream stand still, in order: later than the total rate would have it, and than was promised. */
export function standstills(state: TransferState, now: number): Late[] {
  if (latestMs(state, now) < STANDSTILL_MS) return [];
  const { lowestMissing, to } = state.table;
  const segmentMs = state.options.segmentBytes / totalRate(state);
  return firstToCome(state, Math.min(to, lowestMissing + DEPTH), now).flatMap((held) => {
    const { index, holder, finishMs } = held;
    const neededMs = (index - lowestMissing) * segmentMs;
    const behindMs = now + finishMs - (holder.promises.get(index) ?? now);
    return finishMs - neededMs < STANDSTILL_MS || behindMs < BEHIND_MS ? [] : [{ ...held, neededMs }];
  });
}

/** What comes only after all that the reorder window has room for, or patterns reach, could have been asked for, in order. */
export function blockades(state: TransferState, now: number): Late[] {
  const { options, table } = state;
  const most = mostInMemory(state);
  const free = state.isOutOfReach ? 0 : most - table.untaken - outstandingSegments(state);
  const isReaderSlow = table.lowestMissing - table.takenPoint > READER_PART * most;
  if (free > ROOMY * most || isReaderSlow) return [];
  const segmentMs = options.segmentBytes / totalRate(state);
  const blockedMs = Math.max(BLOCKED_MS, BLOCKED_SEGMENTS * segmentMs);
  if (latestMs(state, now) < blockedMs) return [];
  return firstToCome(state, table.to, now).flatMap((held) => {
    // all before it leave the window first
    const neededMs = Math.max(0, free + held.index - table.lowestMissing) * segmentMs;
    return held.finishMs - neededMs < blockedMs ? [] : [{ ...held, neededMs }];
  });
}
