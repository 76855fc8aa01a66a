// No output at all: what is fetched only to be measured or compared is kept nowhere.
import type { Sink } from './sink.ts';

/** A sink that keeps nothing. */
export function nowhere(): Sink {
  return {
    order: 'any',
    begin: async () => {},
    put: (_offset, _bytes, done) => done(),
    commit: async () => {},
    abort: async () => {},
  };
}
