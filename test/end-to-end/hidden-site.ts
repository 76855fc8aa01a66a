// An origin that nobody can reach by its name: its objects come over two shaped links, or whatever routes a test gives.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import type { Dispatcher } from 'undici';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../client/demo/link-shaper.ts';
import type { RouteOptions } from '../../client/index.ts';
import { createDispatcher } from '../../client/interceptor.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** What applications ask. */
export const SITE = 'http://data.example';

/** The bytes of a.bin and of small.bin, which is sub/b.bin as well. */
export const content: Buffer = objectBytes(3_000_001, 81);
export const small: Buffer = objectBytes(40_000, 82);

/** What each link carries. */
export const LINK = { megabitsPerSecond: 100, delayMs: 2 };

/** Starts an origin and the links to it. */
export async function startHiddenSite(): Promise<HiddenSite> {
  await using stack = new AsyncDisposableStack();
  const world = stack.use(await startWorld({ 'a.bin': content, 'small.bin': small, 'sub/b.bin': small }));
  const shape = { target: { port: world.origin.port }, ...LINK };
  const links = [stack.use(await startLink(shape)), stack.use(await startLink(shape))];
  return new HiddenSite(world, links, stack.move());
}

/** A running site, and what a test opens on it. */
export class HiddenSite {
  readonly world: World;
  readonly links: readonly ShapedLink[];
  readonly #owned: AsyncDisposableStack;
  /** What the running test has opened; `endTest` closes it. */
  opened: AsyncDisposableStack = new AsyncDisposableStack();

  constructor(world: World, links: readonly ShapedLink[], owned: AsyncDisposableStack) {
    this.world = world;
    this.links = links;
    this.#owned = owned;
  }

  /** A route over each link. */
  overLinks(): RouteOptions[] {
    return this.links.map(({ port }, at) => ({ name: `link${at}`, url: `http://127.0.0.1:${port}` }));
  }

  /** A dispatcher for SITE over `routes`, destroyed behind the test. */
  dispatcherOver(routes: readonly RouteOptions[], more: object = {}): Dispatcher {
    const dispatcher = createDispatcher({ origins: [{ origin: SITE, routes, ...more }] });
    this.opened.defer(() => dispatcher.destroy());
    return dispatcher;
  }

  /** The URL of a server for this test. */
  async serve(answer: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<string> {
    const server = createServer((incoming, response) => void answer(incoming, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.opened.defer(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async endTest(): Promise<void> {
    await this.opened.disposeAsync();
    this.opened = new AsyncDisposableStack();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

/** All bytes that a GET of `key` gives. */
export async function bytesOf(
  dispatcher: Dispatcher,
  key: string,
  headers: Record<string, string> = {},
): Promise<Buffer> {
  const { body } = await request(`${SITE}/v1/objects/${key}`, { dispatcher, headers });
  return Buffer.from(await body.arrayBuffer());
}
