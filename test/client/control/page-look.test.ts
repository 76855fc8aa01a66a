// How the page looks, in a real Chromium: contrast in light and dark, colours of routes that every eye can tell apart and
// that never stand alone, the keyboard, little motion, small screens. Pictures to look at go to .vitest/page.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import type { PatternRun } from '../../../client/control/messages.ts';
import { chromiumPath, startChromium, withoutChromium } from '../../support/chromium.ts';
import { contrastOf, distanceOf, VISIONS } from '../../support/colour.ts';
import { toldRequest, toldRoute, toldSnapshot } from '../../support/told-snapshot.ts';
import { startToldTransfers } from '../../support/told-transfers.ts';
import type { ToldTransfers } from '../../support/told-transfers.ts';
import { openPage } from '../../support/watched-page.ts';

const NAMES = ['near', 'mid', 'near', 'far', 'near', 'mid', 'near'];
const CYCLE: readonly PatternRun[] = Array.from({ length: 64 }, (_, at) => [NAMES[(at * 5) % NAMES.length] ?? null, 1]);
const ROUTES = [
  toldRoute('near', { share: 0.5 }),
  toldRoute('mid', { share: 0.3, preference: 'prefer' }),
  toldRoute('far', { share: 0.2, corrupt: 1, state: 'stalled' }),
  toldRoute('gone', { share: 0, state: 'down', fault: { code: 'no-route', message: 'connection refused' } }),
];
const SNAPSHOT = toldSnapshot(4_096, 0.6, ROUTES, CYCLE);
const REQUESTS = [
  toldRequest('4', { type: 'tunnel', method: 'CONNECT', target: 'www.example:443', status: null, sentBytes: 4_000 }),
  toldRequest('3', { target: `http://other.example/${'a-long-name/'.repeat(12)}index.html`, receivedBytes: 3_400_000 }),
  toldRequest('2', {
    state: 'failed',
    status: null,
    fault: { code: 'connection-lost', message: 'connect ECONNREFUSED' },
  }),
  toldRequest('1', { method: 'HEAD', state: 'done', receivedBytes: 0, elapsedMs: 80 }),
];
const SCHEMES = ['light', 'dark'] as const;
/** Differences of OKLab that are seen at a glance beside each other. */
const LEAST_DISTANCE = 0.1;

/** Every element with text of its own: what it says, its colour, the ground under it, and how large it is. */
const TEXTS = `[...document.querySelectorAll('body *')].flatMap((element) => {
  const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join('');
  if (text === '' || !element.checkVisibility() || element.matches(':disabled, .letter, script, style, noscript')) return [];
  let under = element;
  while (getComputedStyle(under).backgroundColor === 'rgba(0, 0, 0, 0)' && under.parentElement) under = under.parentElement;
  const style = getComputedStyle(element);
  return [[text, style.color, getComputedStyle(under).backgroundColor, parseFloat(style.fontSize)]];
})`;

/** Opens the page with everything on it: marks, log lines of every tone, limits, requests of every outcome. */
async function filled(page: Page, told: ToldTransfers): Promise<void> {
  await page.locator('.card').first().waitFor();
  await told.until(({ streams }) => streams === 2);
  told.tell({ type: 'corrupt', route: 'far', count: 1 });
  told.tell({ type: 'hedge', route: 'near', segments: 3 });
  told.tell({ type: 'warning', fault: { code: 'internal', message: 'a warning' } });
  told.tell({ type: 'requests', requests: REQUESTS });
  await page.evaluate('document.querySelector("#limits").open = true');
  told.tell({ type: 'route', route: toldRoute('far') });
  await page.locator('#log').filter({ hasText: 'far is active' }).waitFor();
}

describe.skipIf(chromiumPath === undefined)(`the look of the page${withoutChromium}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser.close());

  describe.each(SCHEMES)('%s', (colorScheme) => {
    test('every text stands out from its ground by 4.5 : 1', async () => {
      await using told = await startToldTransfers([SNAPSHOT]);
      await using watched = await openPage(browser, told.url, { colorScheme });
      await filled(watched.page, told);
      const texts = (await watched.page.evaluate(TEXTS)) as [string, string, string, number][];
      expect(texts.length).toBeGreaterThan(60);
      const weak = texts.filter(([, ink, ground]) => contrastOf(ink, ground) < 4.5);
      expect(weak).toEqual([]);
      await watched.picture(colorScheme);
      expect(watched.complaints).toEqual([]);
    });

    test('routes stand out from their ground by 3 : 1, their letters by 4.5 : 1, and no two look alike to any eye', async () => {
      await using told = await startToldTransfers([SNAPSHOT]);
      await using watched = await openPage(browser, told.url, { colorScheme });
      const read = `(name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()`;
      const colour = async (name: string): Promise<string> =>
        String(await watched.page.evaluate(`(${read})('--${name}')`));
      const surface = await colour('surface');
      const places = Array.from({ length: 8 }, (_, place) => place);
      const fills = await Promise.all(places.map((place) => colour(`route-${place}`)));
      const inks = await Promise.all(places.map((place) => colour(`ink-${place}`)));
      for (const [place, fill] of fills.entries()) {
        expect(contrastOf(fill, surface), `route ${place}`).toBeGreaterThan(3);
        expect(contrastOf(inks[place] ?? '', fill), `letter ${place}`).toBeGreaterThan(4.5);
      }
      const pairs = fills.flatMap((one, place) => fills.slice(place + 1).map((other) => [one, other] as const));
      const alike = VISIONS.flatMap((vision) =>
        pairs.filter(([one, other]) => distanceOf(one, other, vision) < LEAST_DISTANCE).map((pair) => [vision, pair]),
      );
      expect(alike).toEqual([]);
    });
  });

  test('routes of one colour are told apart by texture: no two cards have the same', async () => {
    const routes = Array.from({ length: 8 }, (_, place) => toldRoute(`r${place}`));
    await using told = await startToldTransfers([toldSnapshot(4_096, 0.6, routes, [])]);
    await using watched = await openPage(browser, told.url);
    await watched.page.locator('.card').last().waitFor();
    const textures = await watched.page.evaluate(`[...document.querySelectorAll('.letter')].map((letter) => {
      const { backgroundImage, backgroundSize } = getComputedStyle(letter);
      return backgroundImage.replace(/(?:color|oklab|rgba?)\\([^)]*\\)/g, 'ink') + backgroundSize;
    })`);
    expect(new Set(textures as string[]).size).toBe(8);
  });

  test('everything that can be done is reached with Tab, and the focus is seen', async () => {
    await using told = await startToldTransfers([SNAPSHOT]);
    await using watched = await openPage(browser, told.url);
    const { page } = watched;
    await filled(page, told);
    const reached: string[] = [];
    const unseen: string[] = [];
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab');
      const [name, outline] = (await page.evaluate(
        '[document.activeElement.ariaLabel ?? (document.activeElement.id || document.activeElement.localName), getComputedStyle(document.activeElement).outlineStyle]',
      )) as [string, string];
      if (name === 'body') break;
      reached.push(name);
      if (outline === 'none') unseen.push(name);
    }
    const wanted = [
      'pause',
      'cancel',
      'limit-rate',
      'limit-cost',
      'limits-none',
      'ribbon',
      ...ROUTES.flatMap(({ name }) => [`Prefer ${name}`, `Exclude ${name}`]),
    ];
    expect(wanted.filter((name) => !reached.includes(name))).toEqual([]);
    expect(unseen).toEqual([]);
  });

  test('what happens is read out: the log and the connection are live regions', async () => {
    await using told = await startToldTransfers([SNAPSHOT]);
    await using watched = await openPage(browser, told.url);
    await filled(watched.page, told);
    const { page } = watched;
    expect(await page.getByRole('log').getAttribute('aria-live')).toBe('polite');
    expect(await page.getByRole('status').textContent()).toBe('live');
    expect(await page.getByRole('progressbar').getAttribute('aria-valuetext')).toBe('60 % of 134 MB');
    expect(await page.getByRole('img', { name: 'Reorder window' }).count()).toBe(1);
    expect(await page.getByRole('slider').getAttribute('aria-valuetext')).toContain('4,096 segments');
  });

  test('nothing moves by itself, and whoever wants little motion would get none anyhow', async () => {
    await using told = await startToldTransfers([SNAPSHOT]);
    await using watched = await openPage(browser, told.url);
    const { page } = watched;
    await page.locator('.card').first().waitFor();
    const moving = `[...document.querySelectorAll('*')].filter((element) => {
      const { transitionDuration, animationName } = getComputedStyle(element);
      return animationName !== 'none' || parseFloat(transitionDuration) > 0;
    }).length`;
    expect(await page.evaluate(moving)).toBe(0);
    await page.evaluate('document.body.style.transition = "color 1s"');
    expect(await page.evaluate(moving)).toBe(1);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    expect(await page.evaluate(moving)).toBe(0);
  });

  test('fits a telephone: nothing is wider than the screen', async () => {
    await using told = await startToldTransfers([SNAPSHOT]);
    await using watched = await openPage(browser, told.url, { viewport: { width: 360, height: 700 } });
    await filled(watched.page, told);
    expect(await watched.page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    await watched.picture('small');
  });
});
