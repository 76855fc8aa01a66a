// A site that is asked both ways: by a plain agent over one shaped link, and through the dispatcher over that one and
// another. What an application does is played over each, and must look the same.
import { gzipSync } from 'node:zlib';
import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import { expect } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../client/demo/link-shaper.ts';
import { createDispatcher } from '../../client/interceptor.ts';
import type { RouteOptions } from '../../client/index.ts';
import { errorOf } from '../client/intercept/observe.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { startWorld } from '../support/world.ts';

/** The bytes of `LARGE` and `SMALL`. */
export const content: Buffer = objectBytes(3_000_001, 61);
export const small: Buffer = objectBytes(1_000, 62);

export const LARGE = '/v1/objects/a.bin';
export const SMALL = '/v1/objects/small.bin';
export const ZIPPED = '/v1/objects/small.gz';
export const JSON_TEXT = '/v1/objects/n.json';
export const MISSING = '/v1/objects/missing';

/** What an application does with a dispatcher, and what it sees of it. */
export type Play = (dispatcher: Dispatcher) => Promise<unknown>;

/** Rate of each link unless a test changes it. */
const MEGABITS_PER_SECOND = 640;

/** Starts an origin, two links and a dispatcher of each kind. */
export async function startInterceptedSite(): Promise<InterceptedSite> {
  await using stack = new AsyncDisposableStack();
  const world = stack.use(
    await startWorld({
      'a.bin': content,
      'small.bin': small,
      'small.gz': gzipSync(small),
      'n.json': Buffer.from('{"n":1}'),
    }),
  );
  const shape = { target: { port: world.origin.port }, megabitsPerSecond: MEGABITS_PER_SECOND, delayMs: 1 };
  const links = [stack.use(await startLink(shape)), stack.use(await startLink(shape))];
  return new InterceptedSite(links, stack.move());
}

/** A running site. Disposing it ends what it started. */
export class InterceptedSite {
  readonly origin: string;
  readonly routes: readonly RouteOptions[];
  readonly #links: readonly ShapedLink[];
  readonly #owned: AsyncDisposableStack;
  readonly #plain: Dispatcher;
  readonly #heddle: Dispatcher;

  constructor(links: readonly ShapedLink[], owned: AsyncDisposableStack) {
    this.routes = links.map(({ port }, at) => ({ name: `r${at}`, url: `http://127.0.0.1:${port}` }));
    this.origin = this.routes[0]?.url ?? '';
    this.#links = links;
    this.#owned = owned;
    this.#plain = new Agent();
    this.#heddle = createDispatcher({ origins: [{ origin: this.origin, routes: this.routes, giveUpMs: 3_000 }] });
    owned.defer(() => this.#plain.destroy());
    owned.defer(() => this.#heddle.destroy());
  }

  urlOf(path: string): string {
    return this.origin + path;
  }

  /** Bytes that came out of the links so far. */
  get carriedBytes(): number {
    return this.#links.reduce((sum, { carriedBytes }) => sum + carriedBytes.down, 0);
  }

  /** Plays it both ways and compares; gives what was seen. */
  async both(play: Play): Promise<unknown> {
    const expected = await play(this.#plain).catch(errorOf);
    expect(await play(this.#heddle).catch(errorOf)).toEqual(expected);
    return expected;
  }

  /** Plays it both ways and compares. */
  async same(play: Play): Promise<void> {
    await this.both(play);
  }

  /** Nothing comes through any more, until `resume`. */
  pause(): void {
    for (const link of this.#links) link.pause();
  }

  resume(): void {
    for (const link of this.#links) link.resume();
  }

  /** Everything is cut, and refused until `restore`. */
  kill(): void {
    for (const link of this.#links) link.kill();
  }

  async restore(): Promise<void> {
    for (const link of this.#links) await link.restore();
  }

  /** Runs `work` over links so thin that the large object takes a second. */
  async whileThin<Value>(work: () => Promise<Value>): Promise<Value> {
    for (const link of this.#links) link.setRate(16);
    try {
      return await work();
    } finally {
      for (const link of this.#links) link.setRate(MEGABITS_PER_SECOND);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}
