// Files that settings name: what is wrong with one is said where the setting stands, as every other mistake of a
// configuration. What is in the files is the business of those who read them.
import { stat } from 'node:fs/promises';
import { HeddleError } from '../errors.ts';
import type { Sources } from './sources.ts';
import { systemReason } from '../system-words.ts';

/** Where mistakes are said; undefined when flags said everything. */
type Where = Pick<Sources<unknown>, 'wrong'> | undefined;

/** What `read` gives. Its mistakes are said at the setting `name`. */
export async function fromNamedFile<Value>(sources: Where, name: string, read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    if (sources === undefined || !(error instanceof HeddleError) || error.code !== 'bad-configuration') throw error;
    throw sources.wrong(name, error.message);
  }
}

/** Throws `bad-configuration` at the setting `name` unless `path` is a folder. */
export async function checkFolder(
  { wrong }: Pick<Sources<unknown>, 'wrong'>,
  name: string,
  path: string,
): Promise<void> {
  const found = await stat(path).catch(systemReason);
  if (typeof found === 'string') throw wrong(name, `"${path}" cannot be read (${found}); write the path of a folder`);
  if (!found.isDirectory()) throw wrong(name, `"${path}" is not a folder; write the path of one`);
}
