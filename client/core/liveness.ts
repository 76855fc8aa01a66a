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

/** How old the newest PONG of a channel without work may be, ms: PINGs leave every 100 ms at the latest. */
const FRESH_PONG_MS = 150;

/** A channel that was silent for too long: `lag` while its path is known to work, `silence` when it is given up. */
export type Lapse = { readonly channel: Channel; readonly event: 'lag' | 'silence' };

/** The channels that lapse now. `rttOf` gives the round trip of a channel's route, ms. */
export function lapses(
  channels: Iterable<Channel>,
  rttOf: (channel: Channel) => number,
  options: CoreOptions,
  now: number,
): Lapse[] {
  const all = [...channels].filter((channel) => channel.sound);
  return all.flatMap((channel): Lapse[] => {
    const threshold = stallThreshold(rttOf(channel), options);
    const silence = channel.silence(now);
    if (silence <= threshold) return [];
    const others = all.filter((other) => other !== channel && getsThrough(other, threshold / 2, now));
    if (others.length === 0) return [];
    const pathWorks = others.some((other) => other.route === channel.route);
    const isLate = pathWorks && silence <= Math.min(options.stallMostMs, SAME_PATH * threshold);
    return [{ channel, event: isLate ? 'lag' : 'silence' }];
  });
}

/** By what it receives; at the end of a transfer, when it has nothing left to receive, by its PONGs. */
function getsThrough(channel: Channel, withinMs: number, now: number): boolean {
  if (channel.receivedBytes > 0 && now - channel.heardAt < withinMs) return true;
  return channel.ledger.outstanding === 0 && now - channel.pongAt < Math.max(withinMs, FRESH_PONG_MS);
}
