// What is measured of a route with several channels: what those that are in use are dealt is what the route carries.
import { expect, test } from 'vitest';
import type { Channel } from '../../../client/core/channel.ts';
import { Measurements } from '../../../client/core/measurements.ts';
import { rateOf } from '../../../client/core/state.ts';
import { activeChannels } from '../../../client/core/window-room.ts';
import { coreState, leadOf, openChannel, owe } from './core-state.ts';

const RTT_MS = 20;
/** Bytes per ms that each channel in use brings. */
const EACH = 500;

test('channels that are not in use any more take nothing from what the others are planned with', () => {
  const state = coreState({ segments: 1_000, options: { output: 'any' } });
  const [route] = state.routes;
  const channels = [1, 2, 3, 4, 5, 6].map((number) => openChannel(state, number, { rttMs: RTT_MS, rate: 2 * EACH }));
  // flat round trips end slow start: the window has room for two segments
  for (let now = -5_000; now < 0; now += 10) {
    route!.window.tick({ bytes: 0, flight: 400_000, rate: EACH, rttMs: RTT_MS, channels: 6, lossLimited: false }, now);
  }
  const active = (): Channel[] => activeChannels(state, route!);
  expect(active()).toEqual(channels.slice(0, 2));
  const lead = Array.from({ length: 600 }, (_, at) => 1 + (at % 2));
  for (const channel of active()) owe(state, channel, leadOf(1, lead), 200, 0);
  const measurements = new Measurements(state, 0);
  for (let now = RTT_MS; now <= 2_000; now += 10) {
    for (const channel of active()) measurements.received(channel, 10 * EACH, now);
    measurements.sample(now);
  }
  const planned = active().reduce((sum, channel) => sum + rateOf(state, channel), 0);
  expect(planned / (2 * EACH)).toBeGreaterThan(0.9);
  expect(planned / (2 * EACH)).toBeLessThan(1.1);
});
