// Growth with the segments and the channels of one transfer: what a source's decision costs, and what the client's core
// costs per segment.
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import { SegmentSet } from '../../../protocol/segment-set.ts';
import { playTransfer } from '../core-cost/played-routes.ts';
import { countText } from './amounts.ts';
import type { Curve, Point } from './curve.ts';
import type { GrowthBench } from './growth-bench.ts';

const SEGMENTS = [1_000, 10_000, 100_000];
const FULL_SEGMENTS = [1_000_000];
const CHANNELS = [1, 4, 16, 64];
const FULL_CHANNELS = [256];
const CHANNELS_OF_SEGMENTS = 16;
const SEGMENTS_OF_CHANNELS = 20_000;
/** A client moves `from` on as it receives. */
const WINDOW = 8_192;
const REPEATS = 3;
const RATE = 2_000;
const ROUND_TRIPS_MS = [10, 30, 60, 120];

/** Measures transfers by their segments. */
export async function segmentsCurve({ full }: GrowthBench): Promise<Curve> {
  const counts = full ? [...SEGMENTS, ...FULL_SEGMENTS] : SEGMENTS;
  return {
    title: 'Segments of one transfer',
    by: 'segments',
    reading: `The core of the client with ${CHANNELS_OF_SEGMENTS} routes, on a virtual clock, and the decisions of one source.`,
    figures: FIGURES,
    points: counts.map((segments) => ({
      at: countText(segments),
      values: costs(segments, CHANNELS_OF_SEGMENTS),
    })),
  };
}

/** Measures transfers by their channels, each on a route of its own. */
export async function channelsCurve({ full }: GrowthBench): Promise<Curve> {
  const counts = full ? [...CHANNELS, ...FULL_CHANNELS] : CHANNELS;
  return {
    title: 'Routes and channels of one transfer',
    by: 'channels',
    reading:
      'One channel per route, the same segments in all. Every channel gets every pattern, so bytes of control and core time per ' +
      'segment grow with channels while the share of each shrinks; a source looks past the elements of the others.',
    figures: FIGURES,
    points: counts.map((channels): Point => {
      return { at: countText(channels), values: costs(SEGMENTS_OF_CHANNELS, channels) };
    }),
  };
}

const FIGURES = [
  { title: 'core µs/segment', digits: 2 },
  { title: 'source µs/decision', digits: 3 },
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
