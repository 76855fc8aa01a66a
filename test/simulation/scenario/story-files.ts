// The stories of a folder of test/simulation.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseStory } from './story.ts';
import type { Story } from './story.ts';

/** All stories of `folder`, in the order of their names. */
export function readStories(folder: 'stories' | 'changes' | 'crowds'): Story[] {
  const path = join(import.meta.dirname, '..', folder);
  const files = readdirSync(path).filter((name) => name.endsWith('.txt'));
  return files.sort().map((name) => parseStory(readFileSync(join(path, name), 'utf8'), name.replace('.txt', '')));
}
