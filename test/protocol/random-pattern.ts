// A pattern as any client might deal it next: what a channel may have sent stays with it, the rest goes to anybody.
import type { ChannelLedger } from '../../protocol/channel-ledger.ts';
import { NOBODY } from '../../protocol/pattern.ts';
import type { Pattern } from '../../protocol/pattern.ts';

/** Where a transfer stands. */
export type Standing = {
  readonly epoch: number;
  /** How often each segment came. */
  readonly received: readonly number[];
  /** The newest pattern's beginning: it never goes back. */
  readonly leastFrom: number;
  /** The ledgers of the channels that live, by number. */
  readonly ledgers: ReadonlyMap<number, ChannelLedger>;
};

export function randomPattern({ epoch, received, leastFrom, ledgers }: Standing, random: () => number): Pattern {
  const to = received.length;
  const missing = received.indexOf(0);
  const from = Math.max(missing < 0 ? to : missing, leastFrom);
  const owner = new Map<number, number>();
  for (const [number, ledger] of ledgers) for (const index of ledger.maySend()) owner.set(index, number);
  // the cycle knows nothing of single segments: the lead covers all that was received or may have been sent
  const last = received.findLastIndex((count) => count > 0);
  const end = Math.min(to, 1 + Math.max(from - 1, last, ...owner.keys()) + Math.floor(random() * 8));
  const pick = (among: readonly number[]): number => among[Math.floor(random() * among.length)] ?? NOBODY;
  const numbers = [...ledgers.keys()];
  const lead = Uint16Array.from({ length: Math.max(0, end - from) }, (_, at) => {
    if ((received[from + at] ?? 0) > 0) return NOBODY;
    return owner.get(from + at) ?? pick([...numbers, NOBODY]);
  });
  const cycle = Uint16Array.from({ length: Math.floor(random() * 5) }, () => pick(numbers));
  return { epoch, from, to, lead, cycle };
}
