// Debian's Chromium without a window, driven by playwright-core, as a test opens it. Where there is none, `chromiumPath` is
// undefined and tests say so in their titles.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

/** The browser's program; undefined where none is installed. */
export const chromiumPath: string | undefined = found(['chromium', 'chromium-browser', 'google-chrome']);

/** What a title says where there is none. */
export const withoutChromium: string = chromiumPath === undefined ? ' (skipped: no chromium in PATH)' : '';

/** Starts it; talks to nobody but the pages it is sent to. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath ?? 'chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

function found(names: readonly string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
