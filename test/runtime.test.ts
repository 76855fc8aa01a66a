// The checkout runs on the Node that `npm ci` brings (node_modules/.bin/node), never on an older one that happens to be
// installed. Checks the tests' own process and what an npm script finds in its PATH.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { adviceFor, OLDEST_MAJOR } from './required-runtime.ts';

const root = join(import.meta.dirname, '..');

describe('the runtime', () => {
  test(`is Node ${OLDEST_MAJOR} or newer in this process`, () => {
    expect(adviceFor(process.version)).toBeUndefined();
  });

  test('is the pinned one where node_modules/.bin comes first in PATH', () => {
    const PATH = [join(root, 'node_modules/.bin'), process.env['PATH'] ?? ''].join(delimiter);
    const version = execFileSync('node', ['--version'], { env: { ...process.env, PATH }, encoding: 'utf8' }).trim();
    expect(adviceFor(version)).toBeUndefined();
    const text = readFileSync(join(root, 'package.json'), 'utf8');
    const { devDependencies } = JSON.parse(text) as { devDependencies: Record<string, string> };
    expect(version).toBe(`v${devDependencies['node']}`);
  });

  test('is refused with advice where it is too old', () => {
    expect(adviceFor('v20.20.2')).toContain('npm ci');
    expect(adviceFor(`v${OLDEST_MAJOR}.0.0`)).toBeUndefined();
  });
});
