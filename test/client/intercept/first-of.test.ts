// Asking one route after another: who is asked when, who wins, and what becomes of the others. Attempts are promises that
// the test settles; nothing waits for a clock but the patience with a route that says nothing.
import { describe, expect, test } from 'vitest';
import { firstOf } from '../../../client/intercept/first-of.ts';
import type { PlainRoute } from '../../../client/intercept/route-book.ts';

type Asked = { readonly name: string; readonly signal: AbortSignal } & PromiseWithResolvers<string>;

/** Routes by name; those that answer in `headMs` are given three times that. */
function routes(...names: readonly string[]): PlainRoute[] {
  return names.map((name) => ({ name, headMs: 1_000, failures: 0 }) as PlainRoute);
}

function race(all: readonly PlainRoute[], width = 1, signal: AbortSignal = new AbortController().signal) {
  const asked: Asked[] = [];
  const overtaken: string[] = [];
  const attempt = (route: PlainRoute, ended: AbortSignal): Promise<string> => {
    const one = { name: route.name, signal: ended, ...Promise.withResolvers<string>() };
    asked.push(one);
    return one.promise;
  };
  const result = firstOf({ routes: all, width, attempt, overtaken: ({ name }) => overtaken.push(name) }, signal);
  result.catch(() => undefined);
  return { asked, overtaken, result, names: () => asked.map(({ name }) => name) };
}

describe('the order', () => {
  test('the first alone, and its answer is the result', async () => {
    const { asked, result, names } = race(routes('a', 'b', 'c'));
    expect(names()).toEqual(['a']);
    asked[0]?.resolve('from a');
    expect(await result).toBe('from a');
    expect(names()).toEqual(['a']);
  });

  test('the next one as soon as one fails', async () => {
    const { asked, result, names } = race(routes('a', 'b', 'c'));
    asked[0]?.reject(new Error('a'));
    await Promise.resolve().then(() => undefined);
    expect(names()).toEqual(['a', 'b']);
    asked[1]?.resolve('from b');
    expect(await result).toBe('from b');
  });

  test('the next one beside one that takes long, and the slow one may still win', async () => {
    const slow = routes('a', 'b').map((route) => ({ ...route, headMs: 1 }));
    const { asked, result, names, overtaken } = race(slow);
    while (asked.length < 2) await new Promise(setImmediate);
    expect(names()).toEqual(['a', 'b']);
    asked[0]?.resolve('from a');
    expect(await result).toBe('from a');
    expect(asked[1]?.signal.aborted).toBe(true);
    expect(asked[0]?.signal.aborted).toBe(false);
    expect(overtaken).toEqual(['b']);
  });

  test('several at once', async () => {
    const { asked, result, names } = race(routes('a', 'b', 'c'), 3);
    expect(names()).toEqual(['a', 'b', 'c']);
    asked[2]?.resolve('from c');
    expect(await result).toBe('from c');
    expect(asked.map(({ signal }) => signal.aborted)).toEqual([true, true, false]);
  });
});

describe('the end', () => {
  test('all fail: the error of the one asked first', async () => {
    const { asked, result } = race(routes('a', 'b'), 2);
    asked[1]?.reject(new Error('b'));
    asked[0]?.reject(new Error('a'));
    await expect(result).rejects.toThrow('a');
  });

  test('an abort ends what runs, and nothing more begins', async () => {
    const stop = new AbortController();
    const { asked, result, names } = race(routes('a', 'b'), 1, stop.signal);
    stop.abort(new Error('enough'));
    await expect(result).rejects.toThrow('enough');
    expect(asked[0]?.signal.aborted).toBe(true);
    asked[0]?.reject(new Error('a'));
    await Promise.resolve();
    expect(names()).toEqual(['a']);
  });

  test('aborted before: nobody is asked', async () => {
    const { result, names } = race(routes('a'), 1, AbortSignal.abort(new Error('never')));
    await expect(result).rejects.toThrow('never');
    expect(names()).toEqual([]);
  });
});
