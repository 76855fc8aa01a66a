// PINGs: each channel by itself, not too often; what a PONG says goes to its route, once.
import { expect, test } from 'vitest';
import { Pings } from '../../../client/core/pings.ts';
import { coreState, openChannel, taken } from './core-state.ts';

test('every channel that has greeted is pinged, not more often than every few ms', () => {
  const state = coreState({ routes: 2 });
  openChannel(state, 1, { route: 0 });
  openChannel(state, 2, { route: 1 });
  openChannel(state, 3, { route: 1 }).helloSeen = false;
  const pings = new Pings(state);
  let count = 0;
  for (let now = 0; now < 1_000; now += 10) {
    pings.turn(now);
    const channels = taken(state, 'ping').map(({ channel }) => channel);
    expect(channels).not.toContain(3);
    count += channels.length;
  }
  expect(count).toBeGreaterThanOrEqual(2 * 8);
  expect(count).toBeLessThanOrEqual(2 * 40);
});

test('no nonce is open twice', () => {
  const state = coreState({ routes: 1 });
  openChannel(state, 1);
  openChannel(state, 2);
  const pings = new Pings(state);
  for (let now = 0; now < 2_000; now += 10) pings.turn(now);
  const nonces = taken(state, 'ping').map(({ nonce }) => nonce);
  expect(new Set(nonces).size).toBe(nonces.length);
});

test('a PONG measures the round trip; a second one, of another channel or made up, does not', () => {
  const state = coreState({ routes: 2 });
  const channel = openChannel(state, 1, { route: 0, rttMs: 500 });
  const other = openChannel(state, 2, { route: 1, rttMs: 500 });
  const pings = new Pings(state);
  pings.turn(0);
  const nonce = taken(state, 'ping').find((ping) => ping.channel === 1)!.nonce;
  pings.pong(other, nonce, 1);
  pings.pong(channel, nonce + 1_000, 1);
  expect(state.routes.map(({ rttMs }) => rttMs)).toEqual([500, 500]);
  pings.pong(channel, nonce, 80);
  expect(state.routes[0]?.rttMs).toBe(80);
  pings.pong(channel, nonce, 90);
  expect(state.routes[0]?.latencyMs).toBe(80);
  expect(state.routes[1]?.rttMs).toBe(500);
});

test('a channel that is gone is not waited for', () => {
  const state = coreState({ routes: 1 });
  const channel = openChannel(state, 1, { rttMs: 500 });
  const pings = new Pings(state);
  pings.turn(0);
  const [ping] = taken(state, 'ping');
  pings.forget(1);
  pings.pong(channel, ping!.nonce, 10);
  expect(state.routes[0]?.rttMs).toBe(500);
});

test('a source that answers none of them is not remembered without end: the oldest are given up', () => {
  const state = coreState({ routes: 1 });
  const channel = openChannel(state, 1, { rttMs: 500 });
  const pings = new Pings(state);
  for (let now = 0; now < 1_000_000; now += 100) pings.turn(now);
  const nonces = taken(state, 'ping').map(({ nonce }) => nonce);
  expect(nonces.length).toBeGreaterThan(5_000);
  pings.pong(channel, nonces[0]!, 1_000_001);
  expect(state.routes[0]?.rttMs).toBe(500);
  pings.pong(channel, nonces.at(-1)!, 1_000_001);
  expect(state.routes[0]?.rttMs).toBeLessThan(500);
});
