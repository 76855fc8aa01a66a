// A pattern: who sends the segment at each position. `lead` is used once from `from` on, then `cycle` repeats up to
// `to`. Elements are channel numbers; NOBODY means "not dealt yet". Values only: what a channel has sent or may send
// is kept by segment-set.ts (at the source) and channel-ledger.ts (at the client).
import { HeddleError } from './errors.ts';
import { LIMITS, MAX_SEGMENTS } from './limits.ts';

/** The element of a position that no channel owes yet. Channel numbers start at 1. */
export const NOBODY = 0;

/** For from ≤ i < to the element at position i − from names the channel that owes segment i. */
export type Pattern = {
  /** Number of this pattern in its transfer; a source ignores one not above the present. */
  readonly epoch: number;
  readonly from: number;
  /** Exclusive end; MAX_SEGMENTS while the size of the object is not known. */
  readonly to: number;
  readonly lead: Uint16Array;
  readonly cycle: Uint16Array;
};

/** The pattern that owes nothing, in force before the first one. */
export const EMPTY_PATTERN: Pattern = Object.freeze({
  epoch: 0,
  from: 0,
  to: 0,
  lead: new Uint16Array(0),
  cycle: new Uint16Array(0),
});

/** The channel that owes segment `index`, or NOBODY (also outside from…to). */
export function elementAt(pattern: Pattern, index: number): number {
  if (index < pattern.from || index >= pattern.to) return NOBODY;
  const position = index - pattern.from;
  const leadLength = pattern.lead.length;
  if (position < leadLength) return pattern.lead[position] ?? NOBODY;
  const cycleLength = pattern.cycle.length;
  if (cycleLength === 0) return NOBODY;
  return pattern.cycle[(position - leadLength) % cycleLength] ?? NOBODY;
}

/**
 * The first segment at or above `start` that `channel` owes, or undefined. Looks at no more than lead + cycle
 * elements, however far `to` is.
 */
export function nextOwed(pattern: Pattern, channel: number, start: number): number | undefined {
  const { from, to, lead, cycle } = pattern;
  const leadEnd = from + lead.length;
  let index = Math.max(start, from);
  if (index < leadEnd) {
    const found = find(lead, channel, index - from);
    if (found >= 0) return within(from + found, to);
    index = leadEnd;
  }
  if (cycle.length === 0) return undefined;
  const place = (index - leadEnd) % cycle.length;
  const found = find(cycle, channel, place);
  if (found >= 0) return within(index - place + found, to);
  const again = find(cycle, channel, 0);
  return again < 0 ? undefined : within(index - place + cycle.length + again, to);
}

function within(index: number, to: number): number | undefined {
  return index < to ? index : undefined;
}

/** Elements looked at here: the search of the runtime is quicker by element, and slower to begin. */
const NEAR_ELEMENTS = 24;

/** Where `channel` is next, at `start` or behind it; −1: nowhere. */
function find(elements: Uint16Array, channel: number, start: number): number {
  const near = Math.min(elements.length, start + NEAR_ELEMENTS);
  for (let at = start; at < near; at += 1) if (elements[at] === channel) return at;
  return near < elements.length ? elements.indexOf(channel, near) : -1;
}

/** The channels named anywhere in the pattern, ascending, without NOBODY. */
export function channelsOf({ lead, cycle }: Pattern): number[] {
  // by place, and marked in a table: thousands of elements for each pattern, and a set takes ten times as long for each
  const isNamed = new Uint8Array(Math.max(highestOf(lead), highestOf(cycle)) + 1);
  for (let at = 0; at < lead.length; at += 1) isNamed[lead[at] ?? NOBODY] = 1;
  for (let at = 0; at < cycle.length; at += 1) isNamed[cycle[at] ?? NOBODY] = 1;
  const channels: number[] = [];
  for (let channel = NOBODY + 1; channel < isNamed.length; channel += 1)
    if (isNamed[channel] === 1) channels.push(channel);
  return channels;
}

function highestOf(elements: Uint16Array): number {
  let highest = NOBODY;
  for (let at = 0; at < elements.length; at += 1) highest = Math.max(highest, elements[at] ?? NOBODY);
  return highest;
}

/**
 * Throws `bad-frame` or `frame-too-large` when a bound of the wire is broken; returns the pattern itself otherwise.
 * `side` says whose pattern it is.
 */
export function checkPattern(pattern: Pattern, side: 'local' | 'remote' = 'local'): Pattern {
  const { epoch, from, to, lead, cycle } = pattern;
  const fail = (code: 'bad-frame' | 'frame-too-large', text: string): never => {
    throw new HeddleError(code, text, { side });
  };
  if (![epoch, from, to].every(Number.isInteger)) fail('bad-frame', 'a pattern holds a number that is not whole');
  if (epoch < 1 || epoch > 0xffff_ffff) fail('bad-frame', `pattern epoch ${epoch} is out of range`);
  if (from < 0 || from > to || to > MAX_SEGMENTS) fail('bad-frame', `pattern range ${from}…${to} is not one`);
  if (lead.length > LIMITS.maxLeadElements) fail('frame-too-large', 'pattern lead is too long');
  if (cycle.length > LIMITS.maxCycleElements) fail('frame-too-large', 'pattern cycle is too long');
  if (channelsOf(pattern).length > LIMITS.maxPatternChannels) {
    fail('frame-too-large', 'pattern names too many channels');
  }
  return pattern;
}

/**
 * `pattern` as `channel` executes it once a steering origin has dealt under the same epoch: what `dealt` gives it comes on
 * top of what it owes already. Never goes on the wire; its lead may be longer than a frame's.
 */
export function withDealt(pattern: Pattern, dealt: Pattern, channel: number): Pattern {
  const { from, to, lead, cycle } = pattern;
  const own = dealt.lead.lastIndexOf(channel);
  const end = Math.min(dealt.from + own + 1, to);
  if (own < 0 || end <= from) return pattern;
  const longer = new Uint16Array(Math.max(lead.length, end - from));
  longer.set(lead);
  for (let index = from + lead.length; index < from + longer.length; index += 1) {
    longer[index - from] = elementAt(pattern, index);
  }
  for (let index = Math.max(from, dealt.from); index < end; index += 1) {
    if (dealt.lead[index - dealt.from] === channel) longer[index - from] = channel;
  }
  const turn = cycle.length === 0 ? 0 : (longer.length - lead.length) % cycle.length;
  const turned = turn === 0 ? cycle : Uint16Array.of(...cycle.subarray(turn), ...cycle.subarray(0, turn));
  return { ...pattern, lead: longer, cycle: turned };
}

/** As checkPattern, for what a steering origin says it dealt: a lead that fills from…to, and no cycle. */
export function checkDealt(pattern: Pattern, side: 'local' | 'remote' = 'local'): Pattern {
  checkPattern(pattern, side);
  if (pattern.cycle.length > 0 || pattern.to !== pattern.from + pattern.lead.length) {
    throw new HeddleError('bad-frame', 'what was dealt is more or less than its elements', { side });
  }
  return pattern;
}
