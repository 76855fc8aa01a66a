// A page of the guides as a program: its fenced blocks with what stands behind the three ticks. `sh` is a block of commands
// that are run; `sh cluster` and `sh root` are for machines that a test does not have; `yaml NAME` is a file.
import { readFile } from 'node:fs/promises';

export type Block = {
  /** `sh`, `yaml`, `text`, … */
  readonly language: string;
  /** The second word behind the ticks, or the empty string. */
  readonly word: string;
  readonly text: string;
  /** Of the first line of the text, counted from 1. */
  readonly line: number;
};

/** The blocks of the page, in order. */
export async function blocksOf(file: string): Promise<Block[]> {
  const page = await readFile(file, 'utf8');
  return [...page.matchAll(/^( *)```([a-z]+)(?: (\S+))?\n([^]*?)\n *```$/gm)].map((match) => {
    const [, indent = '', language = '', word = '', text = ''] = match;
    const line = page.slice(0, match.index).split('\n').length + 1;
    return { language, word, line, text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), '') };
  });
}

/** The commands of a block, those over several lines as one. */
export function commandsOf({ text }: Block): string[] {
  return text
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.replace(/ {2,}# .*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}
