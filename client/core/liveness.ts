// Stall detection, relative to the others: a channel is suspect only while somebody else gets through. If all are silent
// together nobody is to blame (the last mile, the reader, or BBR probing), and none is punished.
import type { Channel } from './channel.ts';
import type { CoreOptions } from './options.ts';

/** Silence after which `channel` counts as stalled, ms. */
export function stallThreshold(rttMs: number, options: CoreOptions): number {
  const least = options.output === 'order' ? options.stallOrderMs : options.stallAnyMs;
  return Math.min(options.stallMostMs, Math.max(least, 1.5 * rttMs));
}

/** How old the newest PONG of a channel without work may be, ms: PINGs leave every 100 ms at the latest. */
const FRESH_PONG_MS = 150;

/** The channels that have to be taken for stalled now. `rttOf` gives the round trip of a channel's route, ms. */
export function stalledNow(
  channels: Iterable<Channel>,
  rttOf: (channel: Channel) => number,
  options: CoreOptions,
  now: number,
): Channel[] {
  const all = [...channels].filter((channel) => channel.sound);
  return all.filter((channel) => {
    const threshold = stallThreshold(rttOf(channel), options);
    const silence = channel.silence(now);
    if (silence <= threshold) return false;
    return all.some((other) => other !== channel && getsThrough(other, threshold / 2, now));
  });
}

/** By what it receives; at the end of a transfer, when it has nothing left to receive, by its PONGs. */
function getsThrough(channel: Channel, withinMs: number, now: number): boolean {
  if (channel.receivedBytes > 0 && now - channel.heardAt < withinMs) return true;
  return channel.ledger.outstanding === 0 && now - channel.pongAt < Math.max(withinMs, FRESH_PONG_MS);
}
