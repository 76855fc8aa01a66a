// When a channel's successor is due: in the last half minute of its token, or the second half of a short one, once there
// is a newer token; some channels of a route at a time.
import { expect, test } from 'vitest';
import { Renewals } from '../../../client/io/renewals.ts';
import type { SessionRoute } from '../../../client/io/order.ts';

const tokenUntil = (seconds: number): string => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `Bearer ${part({ alg: 'EdDSA' })}.${part({ exp: seconds })}.c2ln`;
};

/** A route whose token can be renewed, and what is watched of it. */
function watched(first: string | undefined) {
  let authorization = first;
  const renewed: number[] = [];
  const renewals = new Renewals((channel) => renewed.push(channel));
  const route = {
    name: 'r',
    baseUrl: new URL('http://r'),
    localAddress: undefined,
    terms: {},
    origin: 'r',
    get authorization() {
      return authorization;
    },
  } satisfies SessionRoute;
  return {
    renewals,
    route,
    renewed,
    renewTo: (next: string) => void (authorization = next),
    [Symbol.dispose]: () => renewals[Symbol.dispose](),
  };
}

test('a successor is due half a minute before the end, and not without a newer token', () => {
  using all = watched(tokenUntil(1_000));
  all.renewals.opened(1, all.route, 0);
  all.renewals.look(969_999);
  all.renewals.look(971_000);
  expect(all.renewed).toEqual([]);
  expect(all.renewals.isOutdated(1, all.route)).toBe(false);
  all.renewTo(tokenUntil(2_000));
  expect(all.renewals.isOutdated(1, all.route)).toBe(true);
  all.renewals.look(969_999);
  expect(all.renewed).toEqual([]);
  all.renewals.look(971_000);
  all.renewals.look(972_000);
  expect(all.renewed).toEqual([1]);
});

test('of a short token in the second half of what is left of it', () => {
  using all = watched(tokenUntil(10));
  all.renewals.opened(1, all.route, 2_000);
  all.renewTo(tokenUntil(20));
  all.renewals.look(5_999);
  expect(all.renewed).toEqual([]);
  all.renewals.look(6_000);
  expect(all.renewed).toEqual([1]);
});

test('of many channels some go at a time; closed ones are forgotten', () => {
  using all = watched(tokenUntil(1_000));
  for (let channel = 1; channel <= 9; channel += 1) all.renewals.opened(channel, all.route, 0);
  all.renewals.closed(2);
  all.renewTo(tokenUntil(2_000));
  all.renewals.look(980_000);
  expect(all.renewed).toEqual([1, 3]);
  for (let look = 0; look < 9; look += 1) all.renewals.look(981_000);
  expect(all.renewed).toEqual([1, 3, 4, 5, 6, 7, 8, 9]);
});

test.each([undefined, 'Bearer opaque', 'Bearer a.b.c', tokenUntil(0)])('%s says no end', (authorization) => {
  using all = watched(authorization);
  all.renewals.opened(1, all.route, 1_000);
  all.renewTo(tokenUntil(9_999));
  all.renewals.look(1e15);
  expect(all.renewed).toEqual([]);
});
