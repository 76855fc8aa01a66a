// Three paths from an origin to a client over three relays, each on two networks that nobody else is on, so that the paths
// are distinct as far as the kernel is concerned. What a path carries is set at the origin's end of it, by a container
// that shares the origin's network: so a rate outlives a relay.
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeLargeObject } from '../support/object-bytes.ts';
import type { ApplicationLine, ApplicationOrder, SeenRoute } from './application.ts';
import { createNetwork, startContainer, uniqueName } from './engine.ts';
import type { Container, PathNetwork } from './engine.ts';
import type { Images } from './images.ts';

export const PATHS = ['eu', 'us', 'ap'] as const;
export type PathName = (typeof PATHS)[number];

/** Megabits per second of each path. */
export type Rates = Readonly<Record<PathName, number>>;

const LIBRARY = '/app/dist/client/index.js';
const APPLICATION = { source: join(import.meta.dirname, 'application.ts'), target: '/application.ts' };

export type Path = {
  readonly relay: Container;
  /** Between client and relay. */
  readonly near: PathNetwork;
  /** Between relay and origin. */
  readonly far: PathNetwork;
};

export type World = AsyncDisposable & {
  readonly origin: Container;
  readonly client: Container;
  readonly paths: Readonly<Record<PathName, Path>>;
  /** SHA-256 of the object, hex. */
  readonly sha256: string;
  readonly bytes: number;
  /** From now on the paths carry this much; undefined: whatever they can. */
  shape(rates: Rates | undefined): Promise<void>;
  /** Starts the application in the client's container. */
  read(): RunningApplication;
};

/** An application that reads, and what it has told so far. */
export type RunningApplication = {
  /** The first picture that `wanted` accepts, from now on; fails when the application ends before. */
  until(what: string, wanted: (seen: Seen) => boolean): Promise<Seen>;
  /** How it ended. */
  readonly ended: Promise<Done>;
};

export type Done = Extract<ApplicationLine, { type: 'done' }>;
export type Seen = { readonly bytes: number; readonly routes: Readonly<Record<PathName, SeenRoute>> };

const KEY = 'object.bin';

/** No balancer needs notice here, and what is left when a relay stops is soon cut off. */
const RELAY_LIMITS = {
  HEDDLE__RELAY__LIMITS__DRAIN_NOTICE_MS: '0',
  HEDDLE__RELAY__LIMITS__DRAIN_DEADLINE_MS: '1500',
};

/** Everything, with an object of `bytes` at the origin. */
export async function startWorld(images: Images, bytes: number): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'heddle-containers-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const objects = join(folder, 'objects');
  await mkdir(objects);
  const sha256 = await writeLargeObject(join(objects, KEY), bytes, 7);
  // whoever the origin is there must be able to read it, whatever is usual here
  await chmod(objects, 0o755);
  await chmod(join(objects, KEY), 0o644);

  const networks = await forEachPath(async (path) => ({
    near: stack.use(await createNetwork(uniqueName(path))),
    far: stack.use(await createNetwork(uniqueName(`${path}-far`))),
  }));
  const origin = stack.use(
    await startContainer({
      image: images.heddle,
      name: uniqueName('origin'),
      network: networks.eu.far.name,
      command: ['origin', '--dir', '/srv/heddle/objects', '--listen', '0.0.0.0:8080'],
      mounts: [{ source: objects, target: '/srv/heddle/objects', mode: 'ro' }],
      says: /serving/,
    }),
  );
  const tools = stack.use(
    await startContainer({
      image: images.tools,
      name: uniqueName('tools'),
      network: `container:${origin.id}`,
      command: ['sh', '-c', 'echo ready; exec sleep 86400'],
      capabilities: ['NET_ADMIN'],
      says: /ready/,
    }),
  );
  const client = stack.use(
    await startContainer({
      image: images.heddle,
      name: uniqueName('client'),
      network: networks.eu.near.name,
      entrypoint: ['node'],
      command: ['--eval', 'console.log("ready"); setInterval(() => {}, 1e9)'],
      environment: { XDG_STATE_HOME: '/dev/null' },
      files: [APPLICATION],
      says: /ready/,
    }),
  );
  const paths = await forEachPath(async (path): Promise<Path> => {
    const { near, far } = networks[path];
    if (path !== 'eu') {
      await far.connect(origin, [`origin-${path}`]);
      await near.connect(client);
    }
    const upstream = path === 'eu' ? origin.name : `origin-${path}`;
    const relay = stack.use(
      await startContainer({
        image: images.heddle,
        name: uniqueName(`relay-${path}`),
        network: near.name,
        command: ['relay', '--listen', '0.0.0.0:9001', '--insecure-open', '--upstream', `main=http://${upstream}:8080`],
        environment: RELAY_LIMITS,
        says: /listening on/,
      }),
    );
    await far.connect(relay);
    return { relay, near, far };
  });
  const order: ApplicationOrder = {
    library: LIBRARY,
    key: KEY,
    routes: PATHS.map((name) => ({ name, url: `http://${paths[name].relay.name}:9001/v1/via/main` })),
  };
  const owned = stack.move();
  return {
    origin,
    client,
    paths,
    sha256,
    bytes,
    shape: async (rates) => {
      for (const path of PATHS) await shape(tools, await origin.addressOn(paths[path].far.name), rates?.[path]);
    },
    read: () => read(client, order),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function forEachPath<Part>(make: (path: PathName) => Promise<Part>): Promise<Record<PathName, Part>> {
  const parts = await Promise.all(PATHS.map(async (path) => [path, await make(path)] as const));
  return Object.fromEntries(parts) as Record<PathName, Part>;
}

/** Sets what may leave by the interface that has `address`. */
async function shape(tools: Container, address: string, megabitsPerSecond: number | undefined): Promise<void> {
  const find = `device=$(ip -o -4 addr show | awk '$4 ~ /^${address.replaceAll('.', '\\.')}\\// {print $2}')`;
  const set =
    megabitsPerSecond === undefined
      ? 'tc qdisc del dev "$device" root 2>/dev/null || true'
      : `tc qdisc replace dev "$device" root tbf rate ${megabitsPerSecond}mbit burst 64k latency 100ms`;
  const { code, stderr } = await tools.exec(['sh', '-c', `${find}; test -n "$device" && ${set}`]);
  if (code !== 0) throw new Error(`cannot shape the interface of ${address}: ${stderr}`);
}

function read(client: Container, order: ApplicationOrder): RunningApplication {
  const waiting = new Set<(seen: Seen) => void>();
  const ended = Promise.withResolvers<Done>();
  ended.promise.catch(() => {});
  const onLine = (text: string): void => {
    const line = JSON.parse(text) as ApplicationLine;
    if (line.type === 'done') ended.resolve(line);
    else if (line.type === 'error') ended.reject(new Error(`the application failed: ${line.code}: ${line.message}`));
    else for (const look of [...waiting]) look({ bytes: line.bytes, routes: byName(line.routes) });
  };
  const command = ['node', APPLICATION.target, JSON.stringify(order)];
  client
    .exec(command, onLine)
    .then(
      ({ code, stderr }) => ended.reject(new Error(`the application ended with ${code} and no result: ${stderr}`)),
      ended.reject,
    );
  return {
    ended: ended.promise,
    until: async (what, wanted) => {
      const found = Promise.withResolvers<Seen>();
      const look = (seen: Seen): void => {
        if (wanted(seen)) found.resolve(seen);
      };
      waiting.add(look);
      const tooSoon = ended.promise.then((): never => {
        throw new Error(`the application ended before ${what}`);
      });
      try {
        return await Promise.race([found.promise, tooSoon]);
      } finally {
        waiting.delete(look);
      }
    },
  };
}

function byName(routes: readonly SeenRoute[]): Record<PathName, SeenRoute> {
  return Object.fromEntries(routes.map((route) => [route.name, route])) as Record<PathName, SeenRoute>;
}
