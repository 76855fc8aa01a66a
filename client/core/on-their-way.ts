// What is on its way: missing segments that somebody was asked for, and when they are expected.
// Decides nothing: repair.ts does.
import type { Channel } from './channel.ts';
import { timeToBring } from './dealer.ts';
import { laneOf } from './state.ts';
import type { TransferState } from './state.ts';

/** Silence from which a channel is expected to bring everything that much later, ms. */
const LAG_FROM_MS = 60;

/** A missing segment, who is to bring it, and in how many ms. */
export type Held = { readonly index: number; readonly holder: Channel; readonly finishMs: number };

/** Missing segments before `end`, holder by holder, in the order in which each brings them. */
export function* onTheirWay(state: TransferState, end: number, now: number): Generator<Held> {
  const { channels, options, table } = state;
  for (const holder of channels.all) {
    if (!holder.sound) continue;
    const lane = laneOf(state, holder);
    const silence = holder.silence(now);
    const lag = silence > LAG_FROM_MS ? silence : 0;
    let ahead = holder.outBytes - (holder.ledger.outstanding - 1) * options.segmentBytes;
    for (const index of [...holder.ledger.openSends, ...holder.ledger.expected]) {
      if (index < end && table.isMissing(index)) yield { index, holder, finishMs: timeToBring(lane, ahead) + lag };
      ahead += options.segmentBytes;
    }
  }
}

/** Every missing segment that is on its way, with the first to bring it: what is overdue may never come. */
export function firstToCome(state: TransferState, now: number): Held[] {
  const first = new Map<number, Held>();
  for (const held of onTheirWay(state, state.table.to, now)) {
    const promise = held.holder.promises.get(held.index) ?? now;
    const finishMs = held.finishMs + Math.max(0, now - promise);
    const earlier = first.get(held.index);
    if (earlier === undefined || finishMs < earlier.finishMs) first.set(held.index, { ...held, finishMs });
  }
  return [...first.values()];
}
