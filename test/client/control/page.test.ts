// The page in a real Chromium, over a control interface that tells what the test says: what it shows, what its buttons ask
// for, and what it says when the connection breaks.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from 'playwright-core';
import type { PatternRun } from '../../../client/control/messages.ts';
import { chromiumPath, startChromium, withoutChromium } from '../../support/chromium.ts';
import { toldRequest, toldRoute, toldSnapshot } from '../../support/told-snapshot.ts';
import { startToldTransfers, TOLD_TOKEN } from '../../support/told-transfers.ts';
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
const SNAPSHOT = toldSnapshot(4_096, 0.6, ROUTES, CYCLE);
describe.skipIf(chromiumPath === undefined)(`the page in Chromium${withoutChromium}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser.close());

  test('shows the transfer and its routes, keeps the token to itself, and has nothing to complain about', async () => {
    await using told = await startToldTransfers([SNAPSHOT]);
    await using watched = await openPage(browser, told.url);
    const { page, complaints } = watched;
    await says(page, '#connection', 'live');
    await says(page, 'h1', 'models/large.bin');
    expect(await page.locator('.card h3').allTextContents()).toEqual(['near', 'mid', 'far']);
    expect(await page.locator('.card .letter').allTextContents()).toEqual(['A', 'B', 'C']);
    await says(page, '#pattern-text', 'of 64: A near 32 · B mid 16 · C far 16');
    await says(page, '#ribbon-text', '4,096 segments of 32.8 kB');
    expect(page.url()).not.toContain('token');
    expect(await page.title()).toBe('60 % · models/large.bin · Heddle');
    await page.reload();
    await says(page, '#connection', 'live');
    expect(complaints).toEqual([]);
  });

  test('follows events: shares, states, pattern, cells, log', async () => {
    await using told = await startToldTransfers([SNAPSHOT]);
    await using watched = await openPage(browser, told.url);
    const { page, complaints } = watched;
    await says(page, 'h1', 'models/large.bin');
    const before = await page.locator('#ribbon-canvas').screenshot();
    told.tell({
      type: 'routes',
      routes: ROUTES.map((route, place) => ({ ...route, share: [0.1, 0.2, 0.7][place] ?? 0 })),
    });
    await says(page, '.card:has-text("far") .rate', 'share 70 %');
    const fault = { code: 'no-route', message: 'connection refused' } as const;
    told.tell({ type: 'route', route: { ...toldRoute('mid'), state: 'down', fault } });
    await says(page, '.card:has-text("mid") .condition', '✕ down');
    await says(page, '#log', 'mid is down: connection refused');
    told.tell({ type: 'hedge', route: 'near', segments: 2 });
    told.tell({ type: 'hedge', route: 'near', segments: 3 });
    await says(page, '#log', 'asked near as well for late segments (5 ×)');
    told.tell({ type: 'corrupt', route: 'far', count: 1 });
    await says(page, '#log li[data-tone="bad"]', 'far sent what is not true');
    told.tell({
      type: 'pattern',
      pattern: { epoch: 99, from: 0, to: 4_096, leadLength: 0, lead: [], cycle: [['far', 64]] },
    });
    await says(page, '#epoch', 'epoch 99');
    told.tell({ type: 'cells', cells: [{ at: 800, length: 200, by: [0, 0, 4] }] });
    await page.locator('#ribbon').press('End');
    for (let step = 0; step < 3; step += 1) await page.keyboard.press('PageDown');
    await says(page, '#ribbon-text', 'segments 3,708–3,711: C far 4');
    expect((await page.locator('#ribbon-canvas').screenshot()).equals(before)).toBe(false);
    expect(complaints).toEqual([]);
  });

  test('sets limits by keyboard, and never writes over what is being typed', async () => {
    await using told = await startToldTransfers([SNAPSHOT]);
    await using watched = await openPage(browser, told.url);
    const { page, complaints } = watched;
    await says(page, '#limits-now', 'none');
    await page.locator('#limits summary').focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.type('16');
    told.tell({ type: 'limits', limits: { maxBytesPerSecond: 1_000_000, costBudget: null } });
    await says(page, '#limits-now', 'at most 8.0 Mbit/s');
    expect(await page.locator('#limit-rate').inputValue()).toBe('16');
    await page.keyboard.press('Tab');
    await page.keyboard.type('2.5');
    await page.keyboard.press('Enter');
    await told.until(({ asked }) => asked.length === 1);
    told.tell({ type: 'limits', limits: { maxBytesPerSecond: 2_000_000, costBudget: 2.5 } });
    await says(page, '#limits-now', 'at most 16.0 Mbit/s, budget 2.5');
    await page.locator('#limits-none').click();
    await told.until(({ asked }) => asked.length === 2);
    const path = '/v1/transfers/t1/limits';
    expect(told.asked).toEqual([
      { method: 'PUT', path, body: { maxBytesPerSecond: 2_000_000, costBudget: 2.5 } },
      { method: 'PUT', path, body: { maxBytesPerSecond: null, costBudget: null } },
    ]);
    await page.locator('h1').click();
    told.tell({ type: 'limits', limits: { maxBytesPerSecond: 125_000, costBudget: null } });
    await says(page, '#limits-now', 'at most 1.0 Mbit/s');
    expect(await page.locator('#limit-rate').inputValue()).toBe('1');
    told.tell({ type: 'ended', summary: { ...SNAPSHOT, state: 'done' } });
    await says(page, '#state', 'done');
    expect(await page.locator('#limit-rate').isDisabled()).toBe(true);
    expect(complaints).toEqual([]);
  });

  test('shows what is passed on without splitting, with or without a transfer', async () => {
    await using told = await startToldTransfers([]);
    await using watched = await openPage(browser, told.url);
    const { page, complaints } = watched;
    await says(page, '#connection', 'live');
    expect(await page.locator('#plain').isVisible()).toBe(false);
    const tunnel = toldRequest('2', { type: 'tunnel', method: 'CONNECT', target: 'x.example:443', status: null });
    const request = toldRequest('1');
    told.tell({ type: 'requests', transfer: '', requests: [{ ...tunnel, sentBytes: 300 }, request] });
    await says(page, '#plain-rows', 'CONNECT x.example:443');
    const rows = (): Promise<string[]> => page.locator('#plain-rows tr').allInnerTexts();
    const spaced = (row: string): string => row.replaceAll(/\s+/g, ' ');
    expect((await rows()).map(spaced)).toEqual([
      'CONNECT x.example:443 open 12.0 kB ↓ 300 B ↑ 1.5 s',
      'GET http://other.example/page.html 200, running 12.0 kB 1.5 s',
    ]);
    const failed = { state: 'failed', fault: { code: 'connection-lost', message: 'other side closed' } } as const;
    told.tell({ type: 'requests', transfer: '', requests: [toldRequest('3', failed), { ...request, state: 'done' }] });
    await says(page, '#plain-rows', '✕ other side closed');
    expect((await rows()).map(spaced)).toEqual([
      'GET http://other.example/page.html ✕ other side closed 12.0 kB 1.5 s',
      'GET http://other.example/page.html ✓ 200 12.0 kB 1.5 s',
    ]);
    told.tell({ type: 'requests', transfer: '', requests: [] });
    await page.locator('#plain').waitFor({ state: 'hidden' });
    expect(complaints).toEqual([]);
  });

  test('shows what waits in the reorder window for what', async () => {
    await using told = await startToldTransfers([SNAPSHOT]);
    const runs = [
      [null, 2],
      ['far', 3],
      [null, 3],
    ] as const;
    told.now([SNAPSHOT], { first: 2_457, count: 8, runs });
    await using watched = await openPage(browser, told.url);
    const { page, complaints } = watched;
    await says(page, '#window-text', 'segment 2,457 is next, owed by near; 3 (98.3 kB) wait behind it');
    told.now([SNAPSHOT], { first: 2_462, count: 3, runs: [[null, 3]] });
    told.tell({ type: 'progress', elapsedMs: 5_000, progress: { ...SNAPSHOT.progress, inOrderBytes: 2_462 * 32_768 } });
    await says(page, '#window-text', 'segment 2,462 is next, owed by mid; nothing waits behind it');
    expect(complaints).toEqual([]);
  });

  test('a route is excluded by keyboard alone, and the focus stays on its button', async () => {
    await using told = await startToldTransfers([SNAPSHOT]);
    await using watched = await openPage(browser, told.url);
    const { page, complaints } = watched;
    await says(page, 'h1', 'models/large.bin');
    const focused = (): Promise<unknown> => page.evaluate('document.activeElement.ariaLabel');
    while ((await focused()) !== 'Exclude mid') await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await told.until(({ asked }) => asked.length > 0);
    expect(told.asked).toEqual([
      { method: 'PUT', path: '/v1/transfers/t1/routes/mid', body: { preference: 'exclude' } },
    ]);
    told.tell({ type: 'route', route: { ...toldRoute('mid'), preference: 'exclude', state: 'excluded' } });
    await page.locator('[aria-label="Exclude mid"][aria-pressed="true"]').waitFor();
    await says(page, '#log', 'mid is excluded by you');
    await page.keyboard.press('Space');
    await told.until(({ asked }) => asked.length > 1);
    expect(told.asked[1]?.body).toEqual({ preference: 'normal' });
    await page.getByRole('button', { name: 'Prefer near' }).click();
    await told.until(({ asked }) => asked.length > 2);
    expect(told.asked[2]).toMatchObject({ path: '/v1/transfers/t1/routes/near', body: { preference: 'prefer' } });
    expect(complaints).toEqual([]);
  });

  test('pauses, resumes and cancels, the last only when it is confirmed', async () => {
    await using told = await startToldTransfers([SNAPSHOT]);
    await using watched = await openPage(browser, told.url);
    const { page, complaints } = watched;
    await page.getByRole('button', { name: 'Pause' }).click();
    await told.until(({ asked }) => asked.length === 1);
    told.tell({ type: 'state', state: 'paused' });
    await says(page, '#state', 'paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await told.until(({ asked }) => asked.length === 2);
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Let it run' }).click();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel it' }).click();
    await told.until(({ asked }) => asked.length === 3);
    expect(told.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v1/transfers/t1/pause',
      'POST /v1/transfers/t1/resume',
      'POST /v1/transfers/t1/cancel',
    ]);
    expect(complaints).toEqual([]);
  });

  test('says when the connection is lost, and goes on with everything anew when it is back', async () => {
    await using told = await startToldTransfers([SNAPSHOT]);
    await using watched = await openPage(browser, told.url);
    const { page } = watched;
    await says(page, '#connection', 'live');
    await told.vanish();
    await says(page, '#connection', 'connection lost, what you see has stopped');
    await page.locator('#transfer.stale').waitFor();
    told.now([toldSnapshot(4_096, 0.9, ROUTES, CYCLE)]);
    await told.listen();
    await says(page, '#connection', 'live');
    await page.locator('#transfer:not(.stale)').waitFor();
    await says(page, '#figures', '90 %');
  });

  test('says how it ended, stays as it was, and asks nobody any more', async () => {
    await using told = await startToldTransfers([SNAPSHOT]);
    await using watched = await openPage(browser, told.url);
    const { page, complaints } = watched;
    await says(page, '#connection', 'live');
    told.tell({ type: 'ended', summary: { ...toldSnapshot(4_096, 1, ROUTES, CYCLE), state: 'done' } });
    await says(page, '#state', 'done');
    await says(page, '#log li[data-tone="good"]', 'done: 134 MB in 4.0 s');
    await told.vanish();
    await says(page, '#connection', 'everything has ended');
    expect(await page.getByRole('button', { name: 'Pause' }).isDisabled()).toBe(true);
    expect(await page.getByRole('button', { name: 'Exclude near' }).isDisabled()).toBe(true);
    // the browser itself tells of the streams that broke, and of nothing else
    expect(complaints.filter((complaint) => !complaint.includes('net::ERR_INCOMPLETE_CHUNKED_ENCODING'))).toEqual([]);
    await told.listen();
    const other = { ...toldSnapshot(64, 0.5, ROUTES, CYCLE), key: 'another.bin' };
    told.now([other]);
    await page.getByRole('button', { name: 'Connect again' }).click();
    await says(page, '#connection', 'live');
    await says(page, 'h1', 'another.bin');
    told.tell({ type: 'transfers', transfer: '', transfers: [] });
    await says(page, '#nothing', 'Waiting for a transfer');
  });

  test('a token that is not let in is said, and another can be given', async () => {
    await using told = await startToldTransfers([SNAPSHOT]);
    await using watched = await openPage(browser, told.url.replace(/token=.*/, 'token=wrong'));
    await says(watched.page, '#connection', 'open the page with the address that heddle printed');
    expect(told.streams).toBe(0);
    await watched.page.getByLabel('Token').fill(TOLD_TOKEN);
    await watched.page.keyboard.press('Enter');
    await says(watched.page, '#connection', 'live');
    await says(watched.page, 'h1', 'models/large.bin');
  });

  test('of several transfers the newest that runs is shown, and any can be chosen', async () => {
    const older = { ...SNAPSHOT, id: 't0', key: 'older.bin', state: 'running' as const };
    const newest = { ...SNAPSHOT, id: 't2', key: 'newest.bin', state: 'done' as const };
    await using told = await startToldTransfers([newest, SNAPSHOT, older]);
    await using watched = await openPage(browser, told.url);
    const { page, complaints } = watched;
    await says(page, 'h1', 'models/large.bin');
    await page.getByRole('button', { name: 'older.bin' }).press('Enter');
    await says(page, 'h1', 'older.bin');
    expect(await page.locator('[aria-current="true"]').allTextContents()).toEqual(['older.bin60 %']);
    told.tell({ type: 'state', transfer: 't0', state: 'paused' });
    await says(page, '#state', 'paused');
    await says(page, '#transfers', 'older.binpaused');
    expect(complaints).toEqual([]);
  });

  test('when what is shown has ended, the page goes on to what makes progress, unless somebody chose it', async () => {
    const ended = { ...SNAPSHOT, id: 't1', key: 'first.bin', state: 'done' as const };
    const second = { ...SNAPSHOT, id: 't2', key: 'second.bin' };
    const third = { ...SNAPSHOT, id: 't3', key: 'third.bin' };
    await using told = await startToldTransfers([ended]);
    await using watched = await openPage(browser, told.url);
    const { page } = watched;
    await says(page, 'h1', 'first.bin');
    told.now([third, second, ended]);
    for (const summary of [second, third]) told.tell({ type: 'started', transfer: summary.id, summary });
    await says(page, '#transfers', 'third.bin');
    await says(page, 'h1', 'first.bin');
    told.tell({ type: 'progress', transfer: 't2', elapsedMs: 1, progress: second.progress });
    await says(page, 'h1', 'second.bin');
    await page.getByRole('button', { name: 'first.bin' }).click();
    await says(page, 'h1', 'first.bin');
    told.tell({ type: 'progress', transfer: 't3', elapsedMs: 1, progress: { ...third.progress, receivedBytes: 0 } });
    await says(page, '#transfers', 'third.bin0 %');
    await says(page, 'h1', 'first.bin');
  });
});
