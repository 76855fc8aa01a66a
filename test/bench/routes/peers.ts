// The programs that are compared: what each needs, which servers it fetches from, and its command. Knows no processes.
import type { Heddle } from '../machine/heddle.ts';
import type { ProgramName } from '../machine/programs.ts';

/** What a client's command is made of. */
export type PeerContext = {
  readonly heddle: Heddle;
  /** Further flags for `heddle get`. */
  readonly getFlags: readonly string[];
  readonly key: string;
  /** HOST:PORT of each relay, or mirror, as the client dials it. */
  readonly relays: readonly string[];
  /** The relays are mirrors, and this is what the object hashes to, hex. */
  readonly mirrored: string | undefined;
  /** The route (from 0) on which one connection is done first. */
  readonly best: number;
  /** HOST:PORT of the origin over the best route without a relay. */
  readonly originOverBest: string | undefined;
  readonly outFile: string;
  readonly workFolder: string;
  /** Path of the object on a plain relay. */
  readonly plainPath: string;
};

/** Who serves: Heddle, plain HTTP through plain proxies, plain mirrors, or plain HTTP over Multipath TCP without relays. */
export type Servers = 'heddle' | 'plain' | 'mirrors' | 'multipath';

/** One program in one way of using it. */
export type Peer = {
  readonly name: string;
  readonly what: string;
  readonly needs: readonly ProgramName[];
  readonly servers: Servers;
  readonly output: 'file' | 'stdout';
  readonly command: (context: PeerContext) => string[];
};

const all: readonly Peer[] = [
  {
    name: 'heddle',
    what: 'heddle get into a file, verified',
    needs: [],
    servers: 'heddle',
    output: 'file',
    command: (context) => heddleGet(context, context.outFile),
  },
  {
    name: 'heddle-stream',
    what: 'heddle get to standard output, in order, verified',
    needs: [],
    servers: 'heddle',
    output: 'stdout',
    command: (context) => heddleGet(context, '-'),
  },
  {
    name: 'curl',
    what: 'curl on the route that is done first, known in hindsight',
    needs: ['curl'],
    servers: 'plain',
    output: 'file',
    command: ({ relays, best, plainPath, outFile }) => [
      'curl',
      '-s',
      '-o',
      outFile,
      `http://${relays[best]}${plainPath}`,
    ],
  },
  aria('aria2', 2),
  aria('aria2-x16', 16),
  {
    name: 'mptcp',
    what: 'curl over Multipath TCP with a subflow per route, no relays',
    needs: ['curl', 'nginx'],
    servers: 'multipath',
    output: 'file',
    command: ({ originOverBest, outFile }) => ['curl', '-s', '-o', outFile, `http://${originOverBest}/f`],
  },
];

/** Names of all peers. */
export const PEER_NAMES: readonly string[] = all.map(({ name }) => name);

/** The peer of that name. */
export function peerNamed(name: string): Peer {
  const peer = all.find((candidate) => candidate.name === name);
  if (peer === undefined) throw new Error(`there is no peer "${name}"; there are ${PEER_NAMES.join(', ')}`);
  return peer;
}

function heddleGet(context: PeerContext, output: string): string[] {
  const { heddle, getFlags, key, relays, mirrored, plainPath } = context;
  if (mirrored !== undefined) {
    const mirrors = relays.flatMap((mirror, index) => ['--mirror', `m${index + 1}=http://${mirror}${plainPath}`]);
    return heddle('get', key, '-o', output, '--json', '--checksum', `sha256:${mirrored}`, ...getFlags, ...mirrors);
  }
  const routes = relays.flatMap((relay, index) => ['--route', `r${index + 1}=http://${relay}/v1/via/main`]);
  return heddle('get', key, '-o', output, '--json', ...getFlags, ...routes);
}

/** aria2 with its waiting times cut short, as somebody would who knows it; it splits down to 1 MiB. */
function aria(name: string, connections: number): Peer {
  return {
    name,
    what: `aria2c, ${connections} connections per relay at most`,
    needs: ['aria2c'],
    servers: 'plain',
    output: 'file',
    command: ({ relays, mirrored, plainPath, outFile, workFolder }) => [
      ...['aria2c', '-q', '--no-conf', '--file-allocation=none', '--allow-overwrite=true'],
      ...[`-x${connections}`, '-s64', '-k1M', '-t2', '--connect-timeout=2', '--retry-wait=0', '-m0'],
      ...(mirrored === undefined ? [] : [`--checksum=sha-256=${mirrored}`]),
      ...['--max-file-not-found=0', '-d', workFolder, '-o', outFile.slice(workFolder.length + 1)],
      ...relays.map((relay) => `http://${relay}${plainPath}`),
    ],
  };
}
