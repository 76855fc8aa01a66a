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

test('what is remembered is shared by its channels, and forgotten once it brought something', () => {
  const options = { ...CORE_DEFAULTS, firstConnections: 2 };
  const route = new Route(0, options, { rememberedBytesPerSecond: 4e6 });
  expect(route.rememberedRate(options)).toBe(2_000);
  route.payloadBytes = 1;
  expect(route.rememberedRate(options)).toBeUndefined();
  expect(new Route(0, options).rememberedRate(options)).toBeUndefined();
});

test('a route that takes long to connect counts as long at once, unless a lost packet explains it and no memory tells', () => {
  const { longConnections, rttPerConnectionMs, firstConnections } = CORE_DEFAULTS;
  const connectionsAfter = (connectMs: number, rememberedRttMs?: number): number => {
    const route = new Route(0, CORE_DEFAULTS, rememberedRttMs === undefined ? {} : { rememberedRttMs });
    expect(route.connections(CORE_DEFAULTS)).toBe(firstConnections);
    route.connected(connectMs);
    return route.connections(CORE_DEFAULTS);
  };
  expect(connectionsAfter(20)).toBe(firstConnections);
  expect(connectionsAfter(190)).toBe(Math.ceil(190 / rttPerConnectionMs));
  expect(connectionsAfter(600)).toBe(longConnections);
  expect(connectionsAfter(1_050)).toBe(firstConnections);
  expect(connectionsAfter(1_050, 1_100)).toBe(longConnections);
});

test('into a file a shorter path is long already', () => {
  const { longAnyRttMs, rttPerConnectionMs } = CORE_DEFAULTS;
  const connectionsOver = (output: 'any' | 'order'): number => {
    const options = { ...CORE_DEFAULTS, output };
    const route = new Route(0, options);
    route.connected(longAnyRttMs);
    return route.connections(options);
  };
  expect(connectionsOver('any')).toBe(Math.ceil(longAnyRttMs / rttPerConnectionMs));
  expect(connectionsOver('order')).toBe(1);
});

test('a first dial that is not answered yet says how long the path is at least', () => {
  const { longConnections, longOrderRttMs, rttPerConnectionMs } = CORE_DEFAULTS;
  const route = new Route(0, CORE_DEFAULTS);
  const connectionsAfter = (waitedMs: number): number => {
    route.waitedMs = waitedMs;
    return route.connections(CORE_DEFAULTS);
  };
  expect(connectionsAfter(longOrderRttMs - 1)).toBe(1);
  expect(connectionsAfter(longOrderRttMs)).toBe(Math.ceil(longOrderRttMs / rttPerConnectionMs));
  expect(connectionsAfter(2_000)).toBe(longConnections);
  route.failedDials = 1;
  expect(connectionsAfter(2_000)).toBe(1);
  route.failedDials = 0;
  route.roundTrip(20);
  expect(connectionsAfter(2_000)).toBe(1);
});
