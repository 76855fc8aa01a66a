// What stands in for the language on Node 22 behaves as the language does: one script is played on the runtime's own
// AsyncDisposableStack and on ours, and both must tell the same.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

type Stack = typeof AsyncDisposableStack;

const own: Stack = AsyncDisposableStack;
let ours: Stack;

beforeAll(async () => {
  vi.stubGlobal('AsyncDisposableStack', undefined);
  await import('../../client/older-node.ts');
  ours = globalThis.AsyncDisposableStack;
});
afterAll(() => void vi.unstubAllGlobals());

const SCRIPTS: Readonly<Record<string, (stack: AsyncDisposableStack, told: string[]) => Promise<void>>> = {
  'closes in the reverse order, one after the other': async (stack, told) => {
    stack.defer(async () => {
      await Promise.resolve();
      told.push('first');
    });
    stack.use({ [Symbol.dispose]: () => void told.push('second') });
    stack.use({
      [Symbol.asyncDispose]: async () => {
        await Promise.resolve();
        told.push('third');
      },
    });
    told.push(stack.adopt('fourth', (value) => void told.push(value)));
    told.push(String(stack.use(undefined)), String(stack.disposed));
    await stack.disposeAsync();
    await stack.disposeAsync();
    told.push(String(stack.disposed));
  },
  'gives away what it holds': async (stack, told) => {
    stack.defer(() => void told.push('moved'));
    const moved = stack.move();
    await stack.disposeAsync();
    told.push(String(stack.disposed), String(moved.disposed));
    await moved[Symbol.asyncDispose]();
  },
  'goes on behind a failure, and tells of all': async (stack, told) => {
    stack.defer(() => Promise.reject(new Error('one')));
    stack.defer(() => void told.push('between'));
    stack.defer(() => {
      throw new Error('two');
    });
    const failure = await stack.disposeAsync().catch((error: unknown) => error as SuppressedError);
    const { error, suppressed } = failure as { error: Error; suppressed: Error };
    told.push(error.message, suppressed.message);
  },
  'tells of a single failure as it is': async (stack, told) => {
    stack.defer(() => Promise.reject(new Error('one')));
    await stack.disposeAsync().catch((error: Error) => void told.push(error.message));
  },
  'takes nothing that cannot be closed, and nothing when it is closed': async (stack, told) => {
    const attempt = (act: () => unknown): void => {
      try {
        act();
        told.push('taken');
      } catch (error) {
        told.push((error as Error).constructor.name);
      }
    };
    attempt(() => stack.use({} as Disposable));
    await stack.disposeAsync();
    attempt(() => stack.defer(() => {}));
    attempt(() => stack.use(null));
    attempt(() => stack.move());
  },
};

test.each(Object.entries(SCRIPTS))('a stack %s', async (_, play) => {
  expect(ours).not.toBe(own);
  const told: [string[], string[]] = [[], []];
  await play(new own(), told[0]);
  await play(new ours(), told[1]);
  expect(told[1]).toEqual(told[0]);
  expect(told[0]).not.toEqual([]);
});
