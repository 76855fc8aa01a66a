// What the kernel is told: the settings exist, the page explains each line of the file, and its table is reckoned right.
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { blocksOf } from './guide-page.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/sysctl');
const page = await readFile(join(FOLDER, 'README.md'), 'utf8');
const lines = (await readFile(join(FOLDER, '90-heddle.conf'), 'utf8'))
  .split('\n')
  .map((line) => /^#?([a-z0-9._]+) = (.+)$/.exec(line))
  .filter((match) => match !== null)
  .map(([, name = '', value = '']) => ({ name, value }));
const isLinux = process.platform === 'linux';

describe(`the file${isLinux ? '' : ' (skipped: this is not Linux)'}`, () => {
  test.skipIf(!isLinux).each(lines)('sets $name, which this kernel has', async ({ name, value }) => {
    await expect(access(`/proc/sys/${name.replaceAll('.', '/')}`)).resolves.toBeUndefined();
    expect(value).toMatch(/^(?:\d+(?: \d+)*|bbr|fq)$/);
  });

  test('has no line that the page does not explain', () => {
    expect(lines.length).toBeGreaterThan(5);
    const words: Readonly<Record<string, string>> = {
      tcp_congestion_control: 'BBR',
      default_qdisc: 'the two lines of',
    };
    for (const { name } of lines) {
      const last = name.split('.').at(-1) ?? '';
      expect(page).toContain(words[last] ?? last);
    }
  });
});

test('the table of what a connection carries is reckoned right', () => {
  const rows = [...page.matchAll(/^\| (\d+) MiB[^|]*\| (\d+) MiB \| (.+) \|$/gm)];
  expect(rows.length).toBe(4);
  for (const [, whole, usable, cells = ''] of rows) {
    expect(Number(usable)).toBe(Number(whole) / 2);
    const expected = [20, 60, 150, 300].map((ms) => Math.round((Number(usable) * 1_048_576 * 8) / (ms / 1_000) / 1e6));
    expect(cells.split(' | ')).toEqual(expected.map((megabits) => `${megabits} Mbit/s`));
  }
  const [, buffer] = /tcp_rmem = \d+ \d+ (\d+)/.exec(page) ?? /(67108864)/.exec(lines[0]?.value ?? '') ?? [];
  expect(Number(buffer)).toBe(64 * 1_048_576);
});

test('the commands of the page are commands', async () => {
  const words = (await blocksOf(join(FOLDER, 'README.md'))).map(({ word }) => word);
  // nothing here may be run by a test: it changes the machine, or takes minutes of it
  expect(words).toEqual(['root', 'root', 'checkout']);
});
