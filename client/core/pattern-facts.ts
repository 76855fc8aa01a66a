// What of a dealt pattern others have to know: where its lead ends, whom it names, and what it leaves where it is. Pure.
import { channelsOf } from '../../protocol/pattern.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import type { Lane } from './dealer.ts';

export type PatternFacts = {
  /** Segments that healthy channels may have sent: they come anyway. */
  readonly kept: ReadonlyMap<number, number>;
  /** The first segment behind its lead. */
  readonly leadEnd: number;
  /** Channels that have an element in it. */
  readonly named: ReadonlySet<number>;
  /** Channels of limited sources or routes that it gives nothing, neither in its lead nor behind. */
  readonly without: ReadonlySet<number>;
};

/** Before the first pattern. */
export const NO_PATTERN: PatternFacts = { kept: new Map(), leadEnd: 0, named: new Set(), without: new Set() };

/** Of a pattern that was dealt to `lanes`. */
export function factsOf(pattern: Pattern, lanes: readonly Lane[], kept: ReadonlyMap<number, number>): PatternFacts {
  const named = new Set(channelsOf(pattern));
  const limited = lanes.filter(({ holds, purse }) => holds !== undefined || purse !== undefined);
  const without = new Set(limited.flatMap(({ channel }) => (named.has(channel) ? [] : [channel])));
  return { kept, leadEnd: pattern.from + pattern.lead.length, named, without };
}
