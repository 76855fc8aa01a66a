// The list of routes that an origin signs: what it says comes back, and what it may not say is refused.
import { describe, expect, test } from 'vitest';
import { encodeRouteList, MAX_LISTED_ROUTES, parseRouteList } from '../../protocol/route-list.ts';
import type { RouteList } from '../../protocol/route-list.ts';

const LIST: RouteList = {
  issued: 1_000,
  expires: 2_000,
  routes: [
    { name: 'direct', url: 'http://origin:8080' },
    {
      name: 'eu',
      url: 'https://eu/v1/via/main',
      rank: 0.5,
      hops: 3,
      places: ['50.1,8.7', '-1,+2'],
      costPerGigabyte: 0.1,
    },
  ],
};

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

test('comes back as it was', () => {
  expect(parseRouteList(encodeRouteList(LIST))).toEqual(LIST);
});

test('may say more than is known', () => {
  const more = { ...LIST, later: 1, routes: LIST.routes.map((route) => ({ ...route, more: true })) };
  expect(parseRouteList(bytes(more))).toEqual(LIST);
});

describe('is refused', () => {
  const route = (changes: object): unknown => ({ ...LIST, routes: [{ ...LIST.routes[0], ...changes }] });
  test.each<[what: string, value: unknown]>([
    ['a text', 'x'],
    ['a list', []],
    ['no times', { routes: [] }],
    ['an end before its beginning', { ...LIST, expires: 1_000 }],
    ['a time that is none', { ...LIST, issued: '1000' }],
    ['no routes', { ...LIST, routes: {} }],
    [
      'too many',
      {
        ...LIST,
        routes: Array.from({ length: MAX_LISTED_ROUTES + 1 }, (_, at) => ({ name: `r${at}`, url: 'http://a' })),
      },
    ],
    ['one name twice', { ...LIST, routes: [LIST.routes[0], LIST.routes[0]] }],
    ['a route that is none', { ...LIST, routes: [null] }],
    ['a bad name', route({ name: 'a b' })],
    ['no URL', route({ url: 'origin' })],
    ['another scheme', route({ url: 'file:///etc/passwd' })],
    ['a password', route({ url: 'http://a:b@c' })],
    ['a query', route({ url: 'http://a?b' })],
    ['a fragment', route({ url: 'http://a#local=1.2.3.4' })],
    ['a rank above 1', route({ rank: 2 })],
    ['a place that is none', route({ places: ['here'] })],
  ])('%s', (_what, value) => {
    expect(() => parseRouteList(bytes(value))).toThrow(
      expect.objectContaining({ code: 'bad-manifest', side: 'remote' }),
    );
  });

  test('what is no JSON', () => {
    expect(() => parseRouteList(Uint8Array.from([0xff]))).toThrow(expect.objectContaining({ code: 'bad-manifest' }));
  });
});
