// Files of results: what is kept has a name that git takes, nothing that was kept is overwritten, trials are ignored.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { writeResults } from '../bench/report/results.ts';

const NOW = new Date('2026-03-04T05:06:07Z');

test('kept results have the date for a name, a second run of the day another; trials are ignored by git', () => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-results-'));
  try {
    const write = (keep: boolean, suffix?: string): string => {
      const rest = suffix === undefined ? { raw: { samples: [1] } } : { suffix };
      return basename(writeResults({ title: 'Title', lines: ['one', 'two'], keep, ...rest }, NOW, folder));
    };
    expect([write(true), write(true), write(true, 'growth'), write(false)]).toEqual([
      '2026-03-04.md',
      '2026-03-04-2.md',
      '2026-03-04-growth.md',
      'trial-2026-03-04-050607.md',
    ]);
    expect(readFileSync(join(folder, '2026-03-04.md'), 'utf8')).toBe('# Title, 2026-03-04 05:06:07 UTC\n\none\ntwo\n');
    expect(JSON.parse(readFileSync(join(folder, '2026-03-04.json'), 'utf8'))).toEqual({ samples: [1] });
    copyFileSync(join(import.meta.dirname, '../bench/results/.gitignore'), join(folder, '.gitignore'));
    execFileSync('git', ['init', '-q'], { cwd: folder });
    const listed = execFileSync('git', ['ls-files', '--others', '--exclude-standard'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(listed.trim().split('\n').toSorted()).toEqual(
      readdirSync(folder)
        .filter((name) => name === '.gitignore' || /^2026.*md$/.test(name))
        .toSorted(),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
