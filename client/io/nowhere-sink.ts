// No output at all: what is fetched only to be measured or compared is kept nowhere.
import { stat } from 'node:fs/promises';
import { devNull } from 'node:os';
import type { Sink } from './sink.ts';

/** A sink that keeps nothing. */
export function nowhere(order: Sink['order'] = 'any'): Sink {
  return {
    order,
    begin: async () => {},
    put: (_offset, _bytes, done) => done(),
    commit: async () => {},
    abort: async () => {},
  };
}

/** True when what is written to `path` is kept by nobody: then a call for each piece of it need not be made. */
export async function isNowhere(path: string): Promise<boolean> {
  const [named, nothing] = await Promise.all([path, devNull].map((each) => stat(each).catch(() => undefined)));
  return named?.isCharacterDevice() === true && named.rdev === nothing?.rdev;
}
