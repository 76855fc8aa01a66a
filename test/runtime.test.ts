// The checkout runs on the Node that `npm ci` brings (node_modules/.bin/node), never on an older one that happens to be
// installed. Checks the tests' own process and what an npm script finds in its PATH; says what to do otherwise.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const OLDEST_MAJOR = 26;
const WHAT_TO_DO =
  'run `npm ci` (without --ignore-scripts: the package "node" installs the runtime), then `npm test`; ' +
  'outside npm scripts put node_modules/.bin first in PATH';

const root = join(import.meta.dirname, '..');

describe('the runtime', () => {
  test(`is Node ${OLDEST_MAJOR} or newer in this process`, () => {
    expect(majorOf(process.versions.node), adviceFor(process.version)).toBeGreaterThanOrEqual(OLDEST_MAJOR);
  });

  test('is the pinned one where node_modules/.bin comes first in PATH', () => {
    const path = [join(root, 'node_modules/.bin'), process.env['PATH'] ?? ''].join(delimiter);
    const version = execFileSync('node', ['--version'], {
      env: { ...process.env, PATH: path },
      encoding: 'utf8',
    }).trim();
    const manifest = createRequire(import.meta.url)('../package.json') as { devDependencies: Record<string, string> };
    expect(version, adviceFor(version)).toBe(`v${manifest.devDependencies['node']}`);
  });
});

function majorOf(version: string): number {
  return Number(version.split('.')[0]);
}

function adviceFor(version: string): string {
  return `this is Node ${version}, the checkout needs ${OLDEST_MAJOR} or newer: ${WHAT_TO_DO}`;
}
