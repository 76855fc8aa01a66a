// Which found routes are used: never none after some, no comings and goings, each name once.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FoundRoute } from '../../client/io/dns-routes.ts';
import { RouteSet } from '../../client/route-set.ts';

const route = (name: string, port = 1): FoundRoute => ({ name, url: `http://${name}:${port}` });
const names = (set: RouteSet): string[] => set.all().map((each) => each.route.name);

test('a route that is not named any more stays for a while; one that comes back in time never left', () => {
  const set = new RouteSet(1_000);
  expect(set.answered('dns', [route('a'), route('b')], 0)).toBe(true);
  expect(set.answered('dns', [route('a')], 900)).toBe(false);
  expect(set.answered('dns', [route('a'), route('b')], 1_000)).toBe(false);
  expect(set.answered('dns', [route('a')], 1_900)).toBe(false);
  expect(names(set)).toEqual(['a', 'b']);
  expect(set.answered('dns', [route('a')], 2_001)).toBe(true);
  expect(names(set)).toEqual(['a']);
});

test('an empty answer takes nothing away, however late', () => {
  const set = new RouteSet(1_000);
  set.answered('dns', [route('a')], 0);
  expect(set.answered('dns', [], 1e9)).toBe(false);
  expect(names(set)).toEqual(['a']);
});

test('all that changed at once is taken at once; the old ones follow', () => {
  const set = new RouteSet(1_000);
  set.answered('dns', [route('a')], 0);
  set.answered('dns', [route('b')], 5_000);
  expect(names(set)).toEqual(['b']);
});

test('a route with another URL is another; one that did not change stays the same object', () => {
  const set = new RouteSet(1_000);
  set.answered('dns', [route('a'), route('b')], 0);
  const [a] = set.all();
  expect(set.answered('dns', [route('a'), route('b', 2)], 1)).toBe(true);
  expect(set.all()[0]?.route).toBe(a?.route);
  expect(set.all()[1]?.route).toEqual(route('b', 2));
});

test('of two sources with one name the one that was there first counts', () => {
  const set = new RouteSet(1_000);
  set.answered('one', [route('a', 1)], 0);
  expect(set.answered('two', [route('a', 2), route('c')], 0)).toBe(true);
  expect(set.all()).toEqual([
    { route: route('a', 1), source: 'one' },
    { route: route('c'), source: 'two' },
  ]);
});

test('whatever is answered: never none after some, nothing that was never named, nothing lost that was just named', () => {
  const answers = fc.array(
    fc.record({
      source: fc.constantFrom('one', 'two'),
      routes: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e')),
      pauseMs: fc.nat(2_000),
    }),
  );
  fc.assert(
    fc.property(answers, (all) => {
      const set = new RouteSet(1_000);
      const seen = new Map<string, number>();
      let now = 0;
      for (const { source, routes, pauseMs } of all) {
        now += pauseMs;
        const before = set.all();
        const changed = set.answered(
          source,
          routes.map((name) => route(name)),
          now,
        );
        for (const name of routes) seen.set(name, now);
        const after = names(set);
        expect(after.length > 0 || seen.size === 0).toBe(true);
        expect(new Set(after).size).toBe(after.length);
        expect(after.every((name) => seen.has(name))).toBe(true);
        for (const [name, at] of seen) if (now - at <= 1_000) expect(after).toContain(name);
        expect(changed).toBe(JSON.stringify(before) !== JSON.stringify(set.all()));
      }
    }),
  );
});
