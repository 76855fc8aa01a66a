// Settings that are read again while transfers run: what joins them, what they leave, which token and certificate they show.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../client/client.ts';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../client/demo/link-shaper.ts';
import type { SiteOptions } from '../../client/intercept/site-options.ts';
import { LiveSites } from '../../client/live-sites.ts';
import { resolveRoutes } from '../../client/options.ts';
import { eventually } from '../support/eventually.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const origin = 'http://data.example';
const site = (routes: SiteOptions['routes'], more: Partial<SiteOptions> = {}): SiteOptions => ({
  origin,
  routes,
  ...more,
});
const A = { name: 'a', url: 'https://a.example:1' };
const B = { name: 'b', url: 'https://b.example:2' };

/** What a transfer of the first origin would be begun with. */
function adopt(live: LiveSites, ...origins: SiteOptions[]): SiteOptions {
  return live.adopt(origins)[0] as SiteOptions;
}

describe('a reading', () => {
  test('is what those who begin see, and those who began are told of it', () => {
    const live = new LiveSites();
    const began = adopt(live, site([A]));
    let told = 0;
    began.discovery?.onChange(() => (told += 1));
    const begins = adopt(live, site([A, B]));
    expect(told).toBe(1);
    for (const options of [began, begins]) expect(resolveRoutes(options).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test('withdraws what it does not name, or names with something else, and takes it back', () => {
    const live = new LiveSites();
    const began = resolveRoutes(adopt(live, site([A, B])));
    const withdrawn = (): (boolean | undefined)[] => began.map(({ isWithdrawn }) => isWithdrawn);
    expect(withdrawn()).toEqual([false, false]);
    adopt(live, site([B]));
    expect(withdrawn()).toEqual([true, false]);
    adopt(live, site([{ ...A }, { ...B, maxConnections: 1 }]));
    expect(withdrawn()).toEqual([false, true]);
  });

  test('is of one origin: the others keep theirs, and one that is gone goes on', () => {
    const live = new LiveSites();
    const began = resolveRoutes(adopt(live, site([A]), { origin: 'http://other.example', routes: [B] }));
    adopt(live, { origin: 'http://other.example', routes: [A] });
    expect(began.map(({ isWithdrawn }) => isWithdrawn)).toEqual([false]);
  });

  test('brings tokens and certificates to connections of those who began', () => {
    const live = new LiveSites();
    const [route] = resolveRoutes(adopt(live, site([A], { token: 'one', tls: { authorities: 'first' } })));
    expect([route?.authorization, route?.tls]).toEqual(['Bearer one', { authorities: 'first' }]);
    adopt(live, site([A], { token: () => 'two', tls: () => ({ authorities: 'second' }) }));
    expect([route?.authorization, route?.tls]).toEqual(['Bearer two', { authorities: 'second' }]);
    adopt(live, site([A]));
    expect([route?.authorization, route?.tls]).toEqual([undefined, undefined]);
  });

  test.each<[string, SiteOptions[]]>([
    ['an origin twice', [site([B]), site([B])]],
    ['a route that is none', [site([{ name: 'b', url: 'ftp://b.example' }])]],
    ['no route', [site([])]],
    ['a token that no header can carry', [site([B], { token: 'a b' })]],
  ])('that is wrong (%s) is told to nobody', (_, wrong) => {
    const live = new LiveSites();
    const began = adopt(live, site([A]));
    began.discovery?.onChange(() => expect.unreachable('told'));
    expect(() => live.adopt(wrong)).toThrow();
    expect(resolveRoutes(began).map(({ name }) => name)).toEqual(['a']);
  });
});

describe('a transfer that runs', () => {
  const content = objectBytes(3_000_000, 17);
  const owned = new AsyncDisposableStack();
  let world: World;
  beforeAll(async () => {
    world = owned.use(await startWorld({ 'a.bin': content }));
  });
  afterAll(() => owned.disposeAsync());

  const link = (megabitsPerSecond: number): Promise<ShapedLink> =>
    startLink({ target: { port: world.origin.port }, megabitsPerSecond, delayMs: 1 });
  const over = (name: string, { port }: ShapedLink): { name: string; url: string } => {
    return { name, url: `http://127.0.0.1:${port}` };
  };

  test('leaves a route that was taken away as soon as another carries on, and ends with its bytes', async () => {
    await using one = await link(4);
    await using two = await link(4);
    const live = new LiveSites();
    const client = createClient(adopt(live, site([over('one', one), over('two', two)])));
    const running = client.download('a.bin', world.output('left.bin'));
    await eventually(() => one.carriedBytes.down > 100_000 && two.carriedBytes.down > 100_000);
    adopt(live, site([over('two', two)]));
    await eventually(() => one.connections === 0);
    two.setRate(400);
    const report = await running.done;
    expect((await world.read('left.bin')).equals(content)).toBe(true);
    expect(report.routes.map(({ name }) => name)).toEqual(['one', 'two']);
    expect(report.routes[0]?.payloadBytes).toBeLessThan(content.length);
  });

  test('goes by a route whose address was changed, and by the only one there was until that carries on', async () => {
    await using one = await link(4);
    await using two = await link(4);
    two.pause();
    const live = new LiveSites();
    const client = createClient(adopt(live, site([over('r', one)])));
    const running = client.download('a.bin', world.output('moved.bin'));
    await eventually(() => one.carriedBytes.down > 100_000);
    adopt(live, site([over('r', two)]));
    const before = one.carriedBytes.down;
    await eventually(() => one.carriedBytes.down > before + 200_000);
    two.resume();
    await eventually(() => one.connections === 0);
    two.setRate(400);
    const report = await running.done;
    expect((await world.read('moved.bin')).equals(content)).toBe(true);
    expect(report.routes.map(({ name }) => name)).toEqual(['r', 'r']);
    expect(report.routes[1]?.payloadBytes).toBeGreaterThan(0);
  });
});
