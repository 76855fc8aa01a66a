// A page with a million segments, in a real Chromium: what it draws and keeps does not grow with them, and not with the
// events that come.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from 'playwright-core';
import type { PatternRun } from '../../../client/control/messages.ts';
import { chromiumPath, startChromium, withoutChromium } from '../../support/chromium.ts';
import { toldRoute, toldSnapshot } from '../../support/told-snapshot.ts';
import { startToldTransfers } from '../../support/told-transfers.ts';
import { openPage, says } from '../../support/watched-page.ts';

const CYCLE: readonly PatternRun[] = Array.from({ length: 64 }, (_, at) => [
  ['near', 'mid', 'near', 'far'][at % 4] ?? null,
  1,
]);
const ROUTES = [
  toldRoute('near', { share: 0.5, latencyMs: 21, leastLatencyMs: 20 }),
  toldRoute('mid', { share: 0.3, latencyMs: 63, leastLatencyMs: 60 }),
  toldRoute('far', { share: 0.2, latencyMs: 124, leastLatencyMs: 120, corrupt: 1 }),
];
/** In one frame: 304 columns of three routes with a texture each, marks, beads and 36 rows of the weave. */
const MOST_STROKES = 2 * 304 * 3 + 1_500 + 36 * 128;
/** Counts what is drawn on canvases, per frame. */
const COUNT_STROKES = `
  window.strokes = 0;
  window.strokesInFrames = 0;
  window.busiest = 0;
  for (const name of ['clearRect', 'fillRect', 'strokeRect', 'beginPath', 'moveTo', 'lineTo', 'arc', 'fill', 'stroke', 'fillText']) {
    const own = CanvasRenderingContext2D.prototype[name];
    CanvasRenderingContext2D.prototype[name] = function (...values) { window.strokes += 1; return own.apply(this, values); };
  }
  const ask = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (draw) => ask((now) => {
    const before = window.strokes;
    draw(now);
    window.busiest = Math.max(window.busiest, window.strokes - before);
    window.strokesInFrames += window.strokes - before;
  });`;

describe.skipIf(chromiumPath === undefined)(`a million segments on the page${withoutChromium}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser.close());

  test('are drawn with a bounded number of strokes, at most once per frame, in bounded memory', async () => {
    const million = toldSnapshot(1_000_000, 0.7, ROUTES, CYCLE);
    await using told = await startToldTransfers([million]);
    await using watched = await openPage(browser, told.url, {}, COUNT_STROKES);
    const { page, complaints } = watched;
    await says(page, '#ribbon-text', '1,000,000 segments of 32.8 kB');
    await expect.poll(() => page.evaluate('window.busiest')).toBeGreaterThan(100);
    expect(await page.evaluate('window.busiest')).toBeLessThan(MOST_STROKES);
    const elements = Number(await page.evaluate('document.querySelectorAll("*").length'));
    const outside = 'window.strokes - window.strokesInFrames';
    const before = Number(await page.evaluate(outside));
    for (let turn = 0; turn < 3_000; turn += 1) {
      told.tell({ type: 'cells', cells: [{ at: 720 + (turn % 300), length: 1, by: [turn % 977, 0, 0] }] });
      if (turn % 10 === 0) told.tell({ type: 'warning', fault: { code: 'internal', message: `warning ${turn}` } });
    }
    told.tell({ type: 'limits', limits: { maxBytesPerSecond: 1_000_000, costBudget: null } });
    await says(page, '#log', 'at most 8.0 Mbit/s');
    expect(await page.evaluate(outside)).toBe(before);
    expect(await page.evaluate('window.busiest')).toBeLessThan(MOST_STROKES);
    expect(await page.locator('#log li').count()).toBe(200);
    expect(await page.evaluate('document.querySelectorAll("*").length')).toBeLessThan(elements + 200 * 4);
    await watched.picture('million');
    expect(complaints).toEqual([]);
  });
});
