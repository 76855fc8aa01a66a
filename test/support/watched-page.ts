// A page opened in Chromium that remembers everything that went wrong on it: console errors, exceptions, violations of its
// policy, requests to anybody but its own server. A test asks for `complaints` at its end.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/** Where pictures of the page go; not part of the repository. */
const PICTURES = join(import.meta.dirname, '../../.vitest/page');

export type WatchedPage = AsyncDisposable & {
  readonly page: Page;
  readonly complaints: string[];
  /** A picture of all of it, to look at. */
  picture(name: string): Promise<void>;
};

/** Opens `url` in a context of its own. `before`: a script that runs ahead of the page's own. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
  before?: string,
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 900 }, ...options });
  if (before !== undefined) await context.addInitScript(before);
  const page = await context.newPage();
  const complaints: string[] = [];
  const { host } = new URL(url);
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      complaints.push(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complaints.push(String(error.stack)));
  page.on('request', (request) => {
    const asked = new URL(request.url());
    if (asked.protocol !== 'data:' && asked.host !== host) complaints.push(`asked ${request.url()}`);
  });
  await page.goto(url);
  return {
    page,
    complaints,
    async picture(name) {
      await mkdir(PICTURES, { recursive: true });
      await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}

/** Resolves when the element has this text somewhere in it. */
export async function says(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: text }).first().waitFor();
}
