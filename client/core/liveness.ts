// Stall detection, relative to the others: a channel is suspect only while somebody else receives. If all are silent
// together nobody is to blame (the last mile, the reader, or BBR probing), and none is punished.
import type { Channel } from './channel.ts';
import type { CoreOptions } from './options.ts';

/** Silence after which `channel` counts as stalled, ms. */
export function stallThreshold(rttMs: number, options: CoreOptions): number {
  const least = options.output === 'order' ? options.stallOrderMs : options.stallAnyMs;
  return Math.min(options.stallMostMs, Math.max(least, 1.5 * rttMs));
}

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
    return all.some((other) => other !== channel && other.receivedBytes > 0 && now - other.heardAt < threshold / 2);
  });
}
