// The page over a real `heddle get --ui` of a shaped transfer, in a real Chromium: cards, shares, ribbon and log follow what
// happens; a route is excluded with the keyboard, the transfer paused and resumed; the end is said. Pictures of it go to
// .vitest/page.
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { chromiumPath, startChromium, withoutChromium } from '../support/chromium.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { startProgram } from '../support/program.ts';
import type { Program } from '../support/program.ts';
import { startRoutes } from '../support/routes.ts';
import type { RouteShape, TestRoutes } from '../support/routes.ts';
import { refusingPort } from '../support/servers.ts';
import { openPage, says } from '../support/watched-page.ts';
import { WireLog } from '../support/wire-log.ts';
import { lastLine, startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const SIZE = 24_000_000;
const KEY = 'models/large.bin';
/** Slow, so that there is time to look on a busy machine too; when everything is seen they become so many times as fast. */
const SHAPES: readonly RouteShape[] = [
  { name: 'near', megabitsPerSecond: 6, delayMs: 10 },
  { name: 'mid', megabitsPerSecond: 4, delayMs: 30 },
  { name: 'far', megabitsPerSecond: 2, delayMs: 60 },
];
const FAST = 16;
const TEST_TIMEOUT_MS = 120_000;
const content = objectBytes(SIZE, 51);

/** Per cent that a route's card says. */
async function shareOf(page: Page, name: string): Promise<number> {
  const text = await page.locator(`.card:has-text("${name}") .rate`).innerText();
  return Number(/share (\d+) %/.exec(text)?.[1]);
}

/** The address that the program says, token and all. */
async function addressOf(program: Program): Promise<string> {
  const [, url = ''] = await program.said(/"type":"ui","url":"([^"]+)"/);
  return url;
}

/** A question about the reorder window may be under way when the program ends; the browser tells that by itself. */
function isUnexpected(complaint: string): boolean {
  return !/^Failed to load resource: .*\/segments\?/.test(complaint);
}

describe.skipIf(chromiumPath === undefined)(
  `the page of heddle get --ui${withoutChromium}`,
  { timeout: TEST_TIMEOUT_MS },
  () => {
    const owned = new AsyncDisposableStack();
    let browser: Browser;
    let world: World;
    let routes: TestRoutes;
    beforeAll(async () => {
      browser = await startChromium();
      world = owned.use(await startWorld({ [KEY]: content }));
      routes = owned.use(await startRoutes(SHAPES, world.origin.url, new WireLog()));
    });
    afterAll(async () => {
      await browser.close();
      await owned.disposeAsync();
    });

    /** A download that is watched. */
    function download(name: string): Program {
      routes.all.forEach(({ link }, place) => link.setRate(SHAPES[place]?.megabitsPerSecond ?? 1));
      return startProgram(['get', KEY, '-o', world.output(name), '--ui', '--json', '--no-memory', ...routes.arguments]);
    }

    test.each(['light', 'dark'] as const)(
      'follows a transfer from its beginning to its end, %s',
      async (colorScheme) => {
        await using program = download(`${colorScheme}.bin`);
        await using watched = await openPage(browser, await addressOf(program), { colorScheme });
        const { page, complaints } = watched;
        await says(page, 'h1', KEY);
        await says(page, '#connection', 'live');
        await says(page, '#ribbon-text', '733 segments of 32.8 kB');
        expect(await page.locator('.card h3').allTextContents()).toEqual(['near', 'mid', 'far']);
        for (const { name } of SHAPES) await says(page, `.card:has-text("${name}") .condition`, '● active');
        await says(page, '#epoch', /epoch \d+/);
        await says(page, '#figures div:first-child dd', /^(?:1[5-9]|[2-9]\d) %$/);

        const excluded = page.getByRole('button', { name: 'Exclude mid' });
        await excluded.focus();
        await page.keyboard.press('Enter');
        await page.locator('[aria-label="Exclude mid"][aria-pressed="true"]').waitFor();
        await says(page, '.card:has-text("mid") .condition', '⊘ excluded · by you');
        await says(page, '#log', 'mid is excluded by you');
        const shareBefore = await shareOf(page, 'mid');
        await page
          .locator('#epoch')
          .filter({ hasNotText: await page.locator('#epoch').innerText() })
          .waitFor();
        await watched.picture(`transfer-${colorScheme}`);

        await page.getByRole('button', { name: 'Pause' }).press('Enter');
        await says(page, '#state', 'paused');
        await page.getByRole('button', { name: 'Resume' }).press('Enter');
        await says(page, '#state', 'running');
        routes.all.forEach(({ link }, place) => link.setRate(FAST * (SHAPES[place]?.megabitsPerSecond ?? 1)));
        // the ribbon fills: the last cell is nobody's until the end
        await says(page, '#state', 'done');
        await page.locator('#ribbon').press('End');
        await expect.poll(() => page.locator('#ribbon-text').innerText()).toMatch(/^segment 732: [ABC] /);
        await says(page, '#log', 'done: 24.0 MB');
        await says(page, '#connection', 'everything has ended, and heddle with it');
        const outcome = await program.ended;
        expect(outcome.code).toBe(0);
        const { routes: brought } = lastLine(outcome);
        const share = brought.find(({ name }) => name === 'mid')?.share ?? 1;
        await says(page, '.card:has-text("mid") .rate', `share ${Math.round(100 * share)} %`);
        expect(Math.round(100 * share)).toBeLessThan(shareBefore);
        expect((await world.read(`${colorScheme}.bin`)).equals(content)).toBe(true);
        await watched.picture(`transfer-${colorScheme}-done`);
        expect(complaints.filter(isUnexpected)).toEqual([]);
      },
    );

    test('cancels it: what is here stays for the next download, and the page says how it ended', async () => {
      await using program = download('cancelled.bin');
      await using watched = await openPage(browser, await addressOf(program));
      const { page, complaints } = watched;
      await says(page, '#figures div:first-child dd', /^(?:[5-9]|\d\d) %$/);
      await page.getByRole('button', { name: 'Cancel', exact: true }).press('Enter');
      await page.getByRole('button', { name: 'Cancel it' }).press('Enter');
      await says(page, '#state', 'cancelled');
      await says(page, '#log', 'cancelled after');
      expect((await program.ended).code).toBe(130);
      expect(complaints.filter(isUnexpected)).toEqual([]);
    });

    test('of heddle proxy: the token is typed, and every transfer of a program is there to choose', async () => {
      const [port, tokenFile, config] = [
        await refusingPort(),
        world.folder.file('token'),
        world.folder.file('proxy.yaml'),
      ];
      const listed = routes.all.map(({ name, url }) => `  - {name: ${name}, url: "${url}"}`).join('\n');
      await writeFile(config, `routes:\n${listed}\ncontrol:\n  listen: 127.0.0.1:${port}\n  tokenFile: ${tokenFile}\n`);
      routes.all.forEach(({ link }, place) => link.setRate(SHAPES[place]?.megabitsPerSecond ?? 1));
      await using program = startProgram(['proxy', '--listen', '127.0.0.1:0', '--config', config], { tethered: true });
      const [, proxy = ''] = await program.said(/(http:\/\/127\.0\.0\.1:\d+)/);
      await using watched = await openPage(browser, `http://127.0.0.1:${port}/`);
      const { page } = watched;
      await says(page, '#connection', 'not let in');
      await page.getByLabel('Token').fill((await readFile(tokenFile, 'utf8')).trim());
      await page.keyboard.press('Enter');
      await says(page, '#connection', 'live');
      await says(page, '#nothing', 'Waiting for a transfer');

      const read = async (): Promise<boolean> => {
        const response = await fetch(`${proxy}/o/${KEY}`);
        return Buffer.from(await response.arrayBuffer()).equals(content);
      };
      const first = read();
      await says(page, 'h1', KEY);
      const second = read();
      await page.locator('#transfers button').nth(1).waitFor();
      await page.locator('#transfers button').first().press('Enter');
      await page.locator('#transfers button[aria-current="true"]').first().waitFor();
      for (const [place, { link }] of routes.all.entries())
        link.setRate(FAST * (SHAPES[place]?.megabitsPerSecond ?? 1));
      expect(await Promise.all([first, second])).toEqual([true, true]);
      await says(page, '#state', 'done');
      await says(page, '#connection', 'live');
      program.signal('SIGINT');
      await says(page, '#connection', 'everything has ended, and heddle with it');
    });
  },
);
