// The servers of a run: an origin and a relay per route, Heddle's or plain ones, each in its place. Can kill a relay and
// start it again with the same command.
import { join } from 'node:path';
import { startChild } from '../machine/child.ts';
import type { Child } from '../machine/child.ts';
import type { Heddle } from '../machine/heddle.ts';
import { nginxCommand } from '../machine/nginx.ts';
import { untilListening } from '../machine/ports.ts';
import { findProgram } from '../machine/programs.ts';
import type { ReferenceObject } from '../machine/work-folder.ts';
import { builtProgram } from '../emulator/built-program.ts';
import type { Network, Place } from './network.ts';
import type { Servers } from './peers.ts';

type ServerPlace = Exclude<Place, 'client'>;
type Start = { readonly place: ServerPlace; readonly argv: readonly string[]; readonly env?: Record<string, string> };

/** What the servers of a run are made of. */
export type ServerSettings = {
  readonly servers: Servers;
  readonly network: Network;
  readonly routes: number;
  readonly object: ReferenceObject;
  readonly heddle: Heddle;
  /** Which mirror (from 1) serves which folder instead of the object's. */
  readonly falseMirror?: { readonly route: number; readonly folder: string } | undefined;
  /** For logs, configurations and the origin's state. */
  readonly folder: string;
};

const NGINX_BUFFER = '64k';

/** Path of the object as plain HTTP serves it through a relay: without nginx, Heddle's relays are plain proxies too. */
export function plainPath({ key }: ReferenceObject): string {
  return findProgram('nginx') === undefined ? `/v1/via/main/v1/objects/${key}` : `/${key}`;
}

/** Variables that make a program use Multipath TCP. */
export function multipathEnvironment(): Record<string, string> {
  return { LD_PRELOAD: builtProgram('mptcp-preload.so') };
}

/** Starts them and waits until they listen; they end with `scope`. */
export async function startServers(scope: DisposableStack, settings: ServerSettings): Promise<RunningServers> {
  const starts = startsOf(settings);
  const servers = new RunningServers(scope, settings, starts);
  await servers.ready();
  return servers;
}

/** The servers of one run. */
export class RunningServers {
  readonly #scope: DisposableStack;
  readonly #settings: ServerSettings;
  readonly #starts: readonly Start[];
  readonly #running = new Map<string, Child>();

  constructor(scope: DisposableStack, settings: ServerSettings, starts: readonly Start[]) {
    this.#scope = scope;
    this.#settings = settings;
    this.#starts = starts;
    for (const start of starts) this.#start(start);
  }

  get pids(): number[] {
    return [...this.#running.values()].map(({ pid }) => pid);
  }

  /** Settles when all listen. */
  async ready(): Promise<void> {
    const { network } = this.#settings;
    await Promise.all(
      this.#starts.map(async ({ place }) => {
        const server = this.#running.get(nameOf(place));
        if (server !== undefined) await untilListening(server, () => network.isListening(place, server.pid));
      }),
    );
  }

  /** Kills the relay program of a route. Without one, as with Multipath TCP, nothing happens. */
  kill(relay: number): void {
    this.#running.get(nameOf({ relay }))?.kill();
  }

  /** Starts it again. */
  restart(relay: number): void {
    const start = this.#starts.find(({ place }) => nameOf(place) === nameOf({ relay }));
    if (start !== undefined) this.#start(start);
  }

  #start({ place, argv, env }: Start): void {
    const { network, folder } = this.#settings;
    const name = nameOf(place);
    const command = network.command(place, argv);
    this.#running.set(
      name,
      startChild(this.#scope, { argv: command, cwd: folder, log: join(folder, `${name}.log`), env }),
    );
  }
}

function startsOf(settings: ServerSettings): Start[] {
  const { servers, routes } = settings;
  const relays = Array.from({ length: routes }, (_, index) => index + 1);
  const nginx = findProgram('nginx');
  if (servers === 'heddle' || nginx === undefined) return heddleStarts(settings, relays);
  if (servers === 'mirrors') return relays.map((relay) => mirrorStart(settings, nginx, relay));
  return nginxStarts(settings, nginx, servers === 'plain' ? relays : []);
}

/** Stands where the route's relay would. */
function mirrorStart({ network, object, folder, falseMirror }: ServerSettings, nginx: string, relay: number): Start {
  const root = falseMirror?.route === relay ? falseMirror.folder : object.folder;
  const files = { type: 'files', listen: hostPort(network.listen({ relay })), root } as const;
  return { place: { relay }, argv: nginxCommand(nginx, folder, `mirror-${relay}`, files) };
}

function heddleStarts({ network, heddle, object, folder }: ServerSettings, relays: readonly number[]): Start[] {
  const listen = (place: ServerPlace): string => hostPort(network.listen(place));
  const state = join(folder, '..', `origin-state-${object.bytes}`);
  return [
    { place: 'origin', argv: heddle('origin', '--dir', object.folder, '--listen', listen('origin'), '--state', state) },
    ...relays.map((relay) => {
      const upstream = `main=http://${network.originFor(relay)}`;
      const flags = ['--listen', listen({ relay }), '--upstream', upstream, '--insecure-open'];
      return { place: { relay }, argv: heddle('relay', ...flags) };
    }),
  ];
}

function nginxStarts(settings: ServerSettings, nginx: string, relays: readonly number[]): Start[] {
  const { network, object, folder, servers } = settings;
  const files = { type: 'files', listen: hostPort(network.listen('origin')), root: object.folder } as const;
  const origin: Start = { place: 'origin', argv: nginxCommand(nginx, folder, 'origin', files) };
  return [
    servers === 'multipath' ? { ...origin, env: multipathEnvironment() } : origin,
    ...relays.map((relay): Start => {
      const listen = hostPort(network.listen({ relay }));
      const proxy = {
        type: 'proxy',
        listen,
        upstream: network.originFor(relay),
        prefix: '/',
        buffer: NGINX_BUFFER,
      } as const;
      return { place: { relay }, argv: nginxCommand(nginx, folder, `relay-${relay}`, proxy) };
    }),
  ];
}

function hostPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host}:${port}`;
}

function nameOf(place: ServerPlace): string {
  return place === 'origin' ? 'origin' : `relay-${place.relay}`;
}
