// What the client makes of an origin that steers: DEALT gives a channel more to owe, says of whose it was, and a segment
// that another channel has sent already is waited for there. The next epoch takes the wheel back by itself.
import { NOBODY } from '../../protocol/pattern.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import type { Channel } from './channel.ts';
import { routeOf, soundChannels } from './state.ts';
import type { TransferState } from './state.ts';

/** DEALT came on `channel`. Only what that owed itself is believed to be another's now. */
export function hearDealt(state: TransferState, channel: Channel, dealt: Pattern, now: number): void {
  if (!state.options.steer) return;
  const owed = channel.ledger.mayOwe();
  for (const [at, taker] of dealt.lead.entries()) {
    const index = dealt.from + at;
    if (taker === NOBODY || taker === channel.number || !owed.has(index)) continue;
    state.channels.get(taker)?.ledger.claim(index, dealt.epoch);
  }
  channel.ledger.dealt(dealt);
  channel.settle(routeOf(state, channel).rttMs, now);
}

/** True when segment `index`, which `channel` dropped as sent already, comes over another channel. */
export function comesElsewhere(state: TransferState, channel: Channel, index: number): boolean {
  return soundChannels(state).some((other) => other !== channel && other.ledger.mayOwe().has(index));
}
