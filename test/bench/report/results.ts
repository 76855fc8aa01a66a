// Where what a run found is written: results/DATE.md for what is kept, which git takes, and trial-… for all else, which it
// ignores. Owns the names, not what is in the files.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What to write. */
export type Results = {
  readonly title: string;
  /** Behind the date in the name, where it is not the bench's main file: `growth`. */
  readonly suffix?: string;
  readonly lines: readonly string[];
  /** Samples and all, as JSON beside it. */
  readonly raw?: object;
  readonly keep: boolean;
};

const FOLDER = join(import.meta.dirname, '..', 'results');

/** Writes the files and returns the path of the Markdown one. What was kept earlier on the same day stays. */
export function writeResults({ title, suffix, lines, raw, keep }: Results, now: Date, folder: string = FOLDER): string {
  mkdirSync(folder, { recursive: true });
  const time = now.toISOString().slice(0, 19).replace('T', ' ');
  const name = keep ? time.slice(0, 10) : `trial-${time.replace(' ', '-').replaceAll(':', '')}`;
  const base = suffix === undefined ? name : `${name}-${suffix}`;
  let path = join(folder, base);
  for (let turn = 2; existsSync(`${path}.md`); turn += 1) path = join(folder, `${base}-${turn}`);
  writeFileSync(`${path}.md`, [`# ${title}, ${time} UTC`, '', ...lines, ''].join('\n'));
  if (raw !== undefined) writeFileSync(`${path}.json`, `${JSON.stringify(raw, null, 1)}\n`);
  return `${path}.md`;
}
