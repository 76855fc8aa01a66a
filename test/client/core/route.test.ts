// What a route knows of its own round trip: a guess from the connect time, then the smallest full one.
import { expect, test } from 'vitest';
import { Route } from '../../../client/core/route.ts';
import { CORE_DEFAULTS } from '../../../client/core/options.ts';

test('the connect time stands in until a full round trip was measured, and not afterwards', () => {
  const route = new Route(0, CORE_DEFAULTS);
  route.connected(30);
  expect(route.rttMs).toBe(30);
  route.roundTrip(90);
  expect(route.rttMs).toBe(90);
  route.connected(10);
  expect(route.rttMs).toBe(90);
});

test('the round trip is the smallest one seen, the latency the newest', () => {
  const route = new Route(0, CORE_DEFAULTS);
  for (const ms of [80, 60, 200]) route.roundTrip(ms);
  expect(route.rttMs).toBe(60);
  expect(route.latencyMs).toBe(200);
});

test('it is never zero, whatever the clock says', () => {
  const route = new Route(0, CORE_DEFAULTS);
  route.connected(0);
  expect(route.rttMs).toBeGreaterThan(0);
  route.roundTrip(0);
  expect(route.rttMs).toBeGreaterThan(0);
});
