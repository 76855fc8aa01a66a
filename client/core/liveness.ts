// Stall detection, relative to the others: a channel is suspect only while somebody else gets through. If all are silent
// together nobody is to blame (the last mile, the reader, or BBR probing), and none is punished.
import type { Channel } from './channel.ts';
import type { CoreOptions } from './options.ts';

/** Silence after which `channel` counts as stalled, ms. */
export function stallThreshold(rttMs: number, options: CoreOptions): number {
  const least = options.output === 'order' ? options.stallOrderMs : options.stallAnyMs;
  return Math.min(options.stallMostMs, Math.max(least, 1.5 * rttMs));
}

/** Where another connection over the same path gets through, this one repairs losses: it is given so many times as long. */
const SAME_PATH = 3;
/** or this many times what all that its path was asked for takes: on a thin one the others are served before it. */
const SAME_QUEUE = 1.5;
/** However little the path carries, ms. */
const MOST_BACKLOG_MS = 10_000;

/** How old the newest PONG of a channel without work may be, ms: PINGs leave every 100 ms at the latest. */
const FRESH_PONG_MS = 150;

/** A route as its channels share it: its round trip, and how long what all of them were asked for takes, ms. */
export type PathOfChannel = { readonly rttMs: number; backlogMs(): number };

/** How long `outBytes` take at `rate` (bytes per ms), ms. */
export function backlogMsOf(outBytes: number, rate: number): number {
  return Math.min(MOST_BACKLOG_MS, outBytes / Math.max(1, rate));
}

/** A channel that was silent for too long: `lag` while its path is known to work, `silence` when it is given up. */
export type Lapse = { readonly channel: Channel; readonly event: 'lag' | 'silence' };

/** The channels that lapse now. `pathOf`: the route that a channel shares with others. */
export function lapses(
  channels: Iterable<Channel>,
  pathOf: (channel: Channel) => PathOfChannel,
  options: CoreOptions,
  now: number,
): Lapse[] {
  const all = [...channels].filter((channel) => channel.sound);
  const found: Lapse[] = [];
  const deadRoutes = new Set<number>();
  for (const channel of all) {
    const path = pathOf(channel);
    const threshold = stallThreshold(path.rttMs, options);
    const silence = channel.silence(now);
    if (silence <= threshold) continue;
    const others = all.filter((other) => other !== channel && getsThrough(other, threshold / 2, now));
    if (others.length === 0) continue;
    const pathWorks = others.some((other) => other.route === channel.route);
    if (!pathWorks) deadRoutes.add(channel.route);
    const patience = Math.max(Math.min(options.stallMostMs, SAME_PATH * threshold), SAME_QUEUE * path.backlogMs());
    const isLate = pathWorks && silence <= patience;
    found.push({ channel, event: isLate ? 'lag' : 'silence' });
  }
  return deadRoutes.size === 0 ? found : [...found, ...idleOf(deadRoutes, all, found, pathOf, options, now)];
}

/** Channels of routes that fell silent, on which nothing was expected: their PONGs fail to come as well. */
function idleOf(
  routes: ReadonlySet<number>,
  all: readonly Channel[],
  found: readonly Lapse[],
  pathOf: (channel: Channel) => PathOfChannel,
  options: CoreOptions,
  now: number,
): Lapse[] {
  return all.flatMap((channel): Lapse[] => {
    if (!routes.has(channel.route) || !channel.helloSeen || found.some((lapse) => lapse.channel === channel)) return [];
    const unheardMs = now - Math.max(channel.heardAt, channel.pongAt);
    return unheardMs > stallThreshold(pathOf(channel).rttMs, options) ? [{ channel, event: 'silence' }] : [];
  });
}

/** By what it receives; at the end of a transfer, when it has nothing left to receive, by its PONGs. */
function getsThrough(channel: Channel, withinMs: number, now: number): boolean {
  if (channel.receivedBytes > 0 && now - channel.heardAt < withinMs) return true;
  return channel.ledger.outstanding === 0 && now - channel.pongAt < Math.max(withinMs, FRESH_PONG_MS);
}
