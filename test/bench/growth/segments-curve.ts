// Growth with the segments and the channels of one transfer: what a source's decision costs, and what the client's core
// costs per segment.
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { SegmentSet } from '../../../protocol/segment-set.ts';
import { playTransfer } from '../core-cost/played-routes.ts';
import { countText } from './amounts.ts';
import type { Curve, Figure } from './curve.ts';
import { pointsOf } from './growth-bench.ts';
import type { GrowthBench, Steps } from './growth-bench.ts';

const SEGMENTS: Steps = { normal: [1_000, 10_000, 100_000], full: [1_000_000] };
/** Of one pattern. */
const MOST_CHANNELS = LIMITS.maxPatternChannels;
const CHANNELS: Steps = { normal: [1, 4, 16, 64], full: [MOST_CHANNELS] };
const MORE_CHANNELS =
  'Every channel gets every pattern, and every pattern is dealt by looking at all channels; sources look past the others.';
const CHANNELS_OF_SEGMENTS = 16;
/** Of a transfer with few channels, and for each of many: a transfer that is soon over is all beginning and end. */
const LEAST_SEGMENTS = 20_000;
const SEGMENTS_PER_CHANNEL = 1_000;
/** A client moves `from` on as it receives. */
const WINDOW = 8_192;
const REPEATS = 3;
const RATE = 2_000;
const ROUND_TRIPS_MS = [10, 30, 60, 120];

/** Measures transfers by their segments. */
export async function segmentsCurve(growth: GrowthBench): Promise<Curve> {
  return {
    title: 'Segments of one transfer',
    by: 'segments',
    text: countText,
    reading: `The core of the client with ${CHANNELS_OF_SEGMENTS} routes, on a virtual clock, and the decisions of one source.`,
    figures: FIGURES,
    points: await pointsOf(growth, SEGMENTS, (segments) => costs(segments, CHANNELS_OF_SEGMENTS)),
  };
}

/** Measures transfers by their channels, each on a route of its own. */
export async function channelsCurve(growth: GrowthBench): Promise<Curve> {
  return {
    title: 'Routes and channels of one transfer',
    by: 'channels',
    text: countText,
    reading: `One channel per route; ${countText(LEAST_SEGMENTS)} segments in all, ${countText(SEGMENTS_PER_CHANNEL)} for each channel at least.`,
    figures: FIGURES,
    points: await pointsOf(growth, CHANNELS, (channels) =>
      costs(Math.max(LEAST_SEGMENTS, SEGMENTS_PER_CHANNEL * channels), channels),
    ),
  };
}

const FIGURES: readonly Figure[] = [
  { title: 'core µs/segment', digits: 2, judged: true, because: MORE_CHANNELS },
  { title: 'source µs/decision', digits: 3, judged: true, because: MORE_CHANNELS },
  { title: 'patterns', digits: 0 },
];

function costs(segments: number, channels: number): number[] {
  const routes = Array.from({ length: channels }, (_, index) => ({
    rate: RATE,
    rttMs: ROUND_TRIPS_MS[index % ROUND_TRIPS_MS.length] ?? 1,
  }));
  const options = { ...CORE_DEFAULTS, output: 'any' as const, activeRoutes: channels };
  const runs = Array.from({ length: REPEATS }, () => playTransfer({ segments, routes, options }));
  const { coreMs, patterns } = runs.reduce((least, run) => (run.coreMs < least.coreMs ? run : least));
  return [(1_000 * coreMs) / segments, decisionMicros(segments, channels), patterns];
}

/** One source takes its part of so many segments, dealt in turn to all channels. */
function decisionMicros(segments: number, channels: number): number {
  const times = Array.from({ length: REPEATS }, () => {
    const set = new SegmentSet(1, segments * channels, [{ first: 0, length: segments * channels }]);
    const cycle = Uint16Array.from({ length: channels }, (_, index) => index + 1);
    set.handle({ type: 'credit', total: segments });
    const startedAt = process.cpuUsage();
    let epoch = 0;
    for (let sent = 0; sent < segments; sent += 1) {
      if (sent % WINDOW === 0) {
        epoch += 1;
        const pattern = { epoch, from: sent * channels, to: segments * channels, lead: new Uint16Array(0), cycle };
        set.handle({ type: 'pattern', pattern });
      }
      if (set.next()?.type !== 'segment') throw new Error('a segment was not sent');
    }
    const { user, system } = process.cpuUsage(startedAt);
    return (user + system) / segments;
  });
  return Math.min(...times);
}
