// Routes for tests: a relay process, a shaped link in front of it and a tap in front of that, so that a test knows what the
// path can carry, sees every frame on it, and can slow, silence or kill any part of it.
import { startLink } from '../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../client/demo/link-shaper.ts';
import { startRelayProgram } from './servers.ts';
import type { ServerProgram } from './servers.ts';
import type { WireLog } from './wire-log.ts';
import { startWireTap } from './wire-tap.ts';

/** What a route is like. */
export type RouteShape = { readonly name: string; readonly megabitsPerSecond: number; readonly delayMs: number };

/** A route for `--route`, and its parts. */
export type TestRoute = {
  readonly name: string;
  /** Base URL: through the tap. */
  readonly url: string;
  /** NAME=BASEURL. */
  readonly argument: string;
  readonly link: ShapedLink;
  relay: ServerProgram;
};

/** Routes that are closed together. */
export type TestRoutes = AsyncDisposable & {
  readonly all: readonly TestRoute[];
  readonly arguments: readonly string[];
};

/** One route for each shape, all to `upstreamUrl`. */
export async function startRoutes(
  shapes: readonly RouteShape[],
  upstreamUrl: string,
  log: WireLog,
): Promise<TestRoutes> {
  await using stack = new AsyncDisposableStack();
  const all = await Promise.all(
    shapes.map(async ({ name, ...shape }): Promise<TestRoute> => {
      const relay = stack.use(await startRelayProgram({ main: upstreamUrl }));
      const link = stack.use(await startLink({ target: { port: relay.port }, ...shape }));
      const tap = stack.use(await startWireTap(name, link.port, log));
      const url = `${tap.url}/v1/via/main`;
      return { name, url, argument: `${name}=${url}`, link, relay };
    }),
  );
  const owned = stack.move();
  return {
    all,
    arguments: all.flatMap(({ argument }) => ['--route', argument]),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
