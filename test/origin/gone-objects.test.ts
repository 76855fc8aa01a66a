// What the index forgets beside a list: exactly what is gone, in pages, whatever the order of the list.
import { expect, test } from 'vitest';
import type { Backend } from '../../origin/backend.ts';
import { GoneObjects } from '../../origin/gone-objects.ts';
import { HashIndex } from '../../origin/hash-index.ts';

const IDENTITY = 'dir:x';
const VERSION = 'v';
const SIGNAL = new AbortController().signal;

/** A place that has `there`; what it is asked about is written down. */
function placeWith(there: ReadonlySet<string>): { readonly backend: Backend; readonly asked: string[] } {
  const asked: string[] = [];
  const backend: Backend = {
    identity: IDENTITY,
    isRemote: false,
    async *list() {},
    stat: async (key) => {
      asked.push(key);
      return there.has(key) ? { size: 1, modified: 0, version: VERSION } : undefined;
    },
    open: () => Promise.reject(new Error('nothing is read here')),
    close: async () => {},
  };
  return { backend, asked };
}

async function indexOf(keys: readonly string[]): Promise<HashIndex> {
  const index = await HashIndex.open(undefined, 1);
  for (const key of [...keys, 'other']) {
    const place = key === 'other' ? 'dir:other/key' : `${IDENTITY}/${key}`;
    await index.add({ place, version: VERSION }, new Uint8Array(1));
  }
  return index;
}

async function known(index: HashIndex): Promise<string[]> {
  return await index.places('', '', 100_000);
}

test('what is not listed is looked for and forgotten when it is gone; the rest is not touched', async () => {
  await using index = await indexOf(['a', 'b', 'c', 'd', 'e', 'f']);
  const { backend, asked } = placeWith(new Set(['b', 'c', 'e', 'unlisted']));
  const gone = new GoneObjects(backend, index);
  await gone.listed(['b', 'c'], SIGNAL);
  expect(await known(index)).toEqual([
    'dir:other/key',
    ...['b', 'c', 'd', 'e', 'f'].map((key) => `${IDENTITY}/${key}`),
  ]);
  await gone.listed([], SIGNAL);
  await gone.listed(['d', 'z'], SIGNAL);
  await gone.end(SIGNAL);
  // e is not listed, and there all the same; d was listed, so nobody asks
  expect(asked).toEqual(['a', 'e', 'f']);
  expect(await known(index)).toEqual(['dir:other/key', ...['b', 'c', 'd', 'e'].map((key) => `${IDENTITY}/${key}`)]);
});

test('pages of the index begin where the last one ended, also while what it gave is forgotten', async () => {
  const keys = Array.from({ length: 2_500 }, (_, at) => String(at).padStart(5, '0'));
  await using index = await indexOf(keys);
  const kept = keys.filter((_, at) => at % 700 === 0);
  const { backend, asked } = placeWith(new Set(kept));
  const gone = new GoneObjects(backend, index);
  for (const key of kept) await gone.listed([key], SIGNAL);
  await gone.end(SIGNAL);
  expect(asked).toHaveLength(keys.length - kept.length);
  expect(await known(index)).toEqual(['dir:other/key', ...kept.map((key) => `${IDENTITY}/${key}`)]);
});

test('where the list has another order than the index, nothing is forgotten that is there', async () => {
  // by UTF-16 code units the smiley comes first, by UTF-8 bytes last
  const keys = ['\u{1f600}', '\uffee'];
  await using index = await indexOf([...keys, 'a']);
  const { backend } = placeWith(new Set(keys));
  const gone = new GoneObjects(backend, index);
  for (const key of keys) await gone.listed([key], SIGNAL);
  await gone.end(SIGNAL);
  expect(await known(index)).toEqual(['dir:other/key', `${IDENTITY}/\uffee`, `${IDENTITY}/\u{1f600}`]);
});

test('who ends the scan ends this as well', async () => {
  await using index = await indexOf(['a']);
  const gone = new GoneObjects(placeWith(new Set()).backend, index);
  await expect(gone.end(AbortSignal.abort(new Error('over')))).rejects.toThrow('over');
  expect(await known(index)).toHaveLength(2);
});
