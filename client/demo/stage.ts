// What the demo plays on: a temporary folder with a generated object, an origin that serves it, three relays as processes
// of their own, and a shaped link in front of each. All of it is gone when the stage is disposed, or the process ends.
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHeddle } from './heddle-process.ts';
import type { HeddleProcess } from './heddle-process.ts';
import { startLink } from './link-shaper.ts';
import type { ShapedLink } from './link-shaper.ts';
import { writeObject } from './object-file.ts';

/** A route of the demo: what its link is like. */
export type RoutePlan = { readonly name: string; readonly megabitsPerSecond: number; readonly roundTripMs: number };

/** A route on the stage. */
export type StagedRoute = RoutePlan & {
  /** Base URL of the route, through its link. */
  readonly url: string;
  readonly link: ShapedLink;
  /** Kills the relay's process: its connections break, new ones are refused. */
  killRelay(): Promise<void>;
  /** Starts the relay again where it was. */
  startRelay(): Promise<void>;
};

export type Stage = AsyncDisposable & {
  readonly key: string;
  readonly bytes: number;
  /** SHA-256 of the object as it was generated, hex. */
  readonly sha256: string;
  readonly routes: readonly StagedRoute[];
  /** Where the download goes. */
  readonly target: string;
};

/** The fastest first. */
export const ROUTE_PLANS: readonly RoutePlan[] = Object.freeze([
  { name: 'near', megabitsPerSecond: 40, roundTripMs: 20 },
  { name: 'mid', megabitsPerSecond: 25, roundTripMs: 60 },
  { name: 'far', megabitsPerSecond: 10, roundTripMs: 120 },
]);

const KEY = 'demo.bin';
const SEED = 'heddle demo';
const UPSTREAM = 'main';

/** Sets the stage for an object of `bytes`. Whatever was started is gone when `signal` aborts or this throws. */
export async function openStage(bytes: number, signal: AbortSignal): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'heddle-demo-'));
  const over = new AbortController();
  const clear = (): void => {
    over.abort();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', clear);
  stack.defer(() => {
    process.off('exit', clear);
    clear();
  });
  const running = AbortSignal.any([signal, over.signal]);
  const objects = join(folder, 'objects');
  await mkdir(objects);
  const sha256 = await writeObject(join(objects, KEY), bytes, SEED);
  const folders = ['--dir', objects, '--state', join(folder, 'state')];
  const origin = await startHeddle(['origin', ...folders, '--listen', '127.0.0.1:0'], running);
  const routes = await Promise.all(ROUTE_PLANS.map((plan) => stageRoute(plan, origin, running, stack)));
  const all = stack.move();
  return {
    key: KEY,
    bytes,
    sha256,
    routes,
    target: join(folder, 'arrived.bin'),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function stageRoute(
  plan: RoutePlan,
  origin: HeddleProcess,
  signal: AbortSignal,
  stack: AsyncDisposableStack,
): Promise<StagedRoute> {
  const relayOn = (port: string): Promise<HeddleProcess> =>
    startHeddle(
      ['relay', '--listen', `127.0.0.1:${port}`, '--upstream', `${UPSTREAM}=${origin.url.origin}`, '--insecure-open'],
      signal,
    );
  let relay = await relayOn('0');
  const { port } = relay.url;
  const { megabitsPerSecond, roundTripMs } = plan;
  const link = await startLink({ target: { port: Number(port) }, megabitsPerSecond, delayMs: roundTripMs / 2 });
  stack.use(link);
  return {
    ...plan,
    link,
    url: `http://${link.host}:${link.port}/v1/via/${UPSTREAM}`,
    killRelay: () => relay.kill(),
    async startRelay() {
      relay = await relayOn(port);
    },
  };
}
