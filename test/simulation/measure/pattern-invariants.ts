// What must hold of patterns and of who is asked for what by them: one function per invariant, each with the words it
// complains with.
import type { Effect } from '../../../client/core/messages.ts';
import type { Pattern } from '../../../protocol/pattern.ts';
import { rangesHave } from '../../../protocol/ranges.ts';
import type { Account, ChannelAccount } from './account.ts';

/** All channels get the same pattern under one epoch: only then are their segment sets disjoint. */
export function oneEpochOnePattern({ newestPattern }: Account, effect: Effect): string | undefined {
  if (effect.type !== 'open' && effect.type !== 'pattern') return undefined;
  const { pattern } = effect;
  if (newestPattern === undefined || pattern.epoch > newestPattern.epoch) return undefined;
  if (pattern.epoch === newestPattern.epoch && isSame(pattern, newestPattern)) return undefined;
  return `channel ${effect.channel} gets epoch ${pattern.epoch} otherwise than others, who have ${newestPattern.epoch}`;
}

/** What a source is asked for by a pattern lies within what its HELLO named. Ask after the effect was booked. */
export function onlyHeldIsAsked({ channels }: Account, effect: Effect): string | undefined {
  if (effect.type !== 'credit' && effect.type !== 'pattern') return undefined;
  const channel = channels.get(effect.channel);
  const strange = channel === undefined ? undefined : unheldOf(channel);
  if (strange === undefined) return undefined;
  return `channel ${effect.channel} is asked for ${strange} by pattern, which it does not hold`;
}

function unheldOf({ held, ledger }: ChannelAccount): number | undefined {
  if (held === undefined || held.length === 0) return undefined;
  const only = held.length === 1 ? held[0] : undefined;
  if (only !== undefined && only.first === 0 && (ledger.expected.at(-1) ?? 0) < only.length) return undefined;
  return ledger.expected.find((index) => !rangesHave(held, index));
}

function isSame(one: Pattern, other: Pattern): boolean {
  if (one === other) return true;
  const isAlike = (a: Uint16Array, b: Uint16Array): boolean => a.length === b.length && a.every((e, at) => e === b[at]);
  return (
    one.from === other.from && one.to === other.to && isAlike(one.lead, other.lead) && isAlike(one.cycle, other.cycle)
  );
}
