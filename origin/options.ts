// The settings of an origin: every size and time it uses, with unit, bounds and reason, in one frozen table, and what
// the command line gives (where to listen, what to serve, where to keep state). Resolved once, at the edge.
import { homedir } from 'node:os';
import { isIP } from 'node:net';
import { join, relative, resolve, sep } from 'node:path';
import type { JSONWebKeySet } from 'jose';
import { HeddleError } from '../protocol/errors.ts';
import type { ListedRoute } from '../protocol/route-list.ts';
import { AUDIENCES } from '../protocol/token-claims.ts';
import { amountFault } from '../protocol/settings/amount.ts';
import type { Amount } from '../protocol/settings/amount.ts';
import type { ListenAddress } from '../protocol/settings/text.ts';
import type { TlsIdentity } from '../protocol/settings/tls.ts';
import { BACKEND_TUNING } from './backend-tuning.ts';
import { CONNECTION_TUNING } from './connection-tuning.ts';
import { ENCODING_TUNING } from './encoding-tuning.ts';
import type { HttpPlace } from './http-backend.ts';
import { RATE_TUNING } from './rate-tuning.ts';
import type { S3Place } from './s3-backend.ts';

const tuning = {
  blockBytes: {
    value: 262_144,
    min: 65_536,
    max: 4_194_304,
    unit: 'bytes',
    why: 'one positioned read; neighbours share it',
  },
  cacheBytes: {
    value: 67_108_864,
    min: 16_777_216,
    max: 68_719_476_736,
    unit: 'bytes',
    why: 'all pooled read buffers together',
  },
  idleBytes: {
    value: 25_165_824,
    min: 0,
    max: 17_179_869_184,
    unit: 'bytes',
    why: 'read blocks kept for those who read the same a little later; 3/8 of cacheBytes at most',
  },
  queueBytes: {
    value: 262_144,
    min: 32_768,
    max: 16_777_216,
    unit: 'bytes',
    why: 'decided, not yet taken by the kernel: what a new pattern cannot call back',
  },
  quickQueueBytes: {
    value: 1_048_576,
    min: 32_768,
    max: 16_777_216,
    unit: 'bytes',
    why: 'the same where the connection takes it within 2 ms: large writes cost less',
  },
  controlBacklogBytes: {
    value: 65_536,
    min: 4_096,
    max: 1_048_576,
    unit: 'bytes',
    why: 'answers to PING and the like that a stopped reader may pile up before it is no longer read',
  },
  sweepMs: { value: 2_500, min: 10, max: 60_000, unit: 'ms', why: 'how late a time limit may be noticed' },
  firstProofNodes: {
    value: 64,
    min: 1,
    max: 4_096,
    unit: 'count',
    form: 'power of two',
    why: 'proof for the first segments, small enough for the first flight',
  },
  proofCacheBytes: {
    value: 16_777_216,
    min: 0,
    max: 4_294_967_296,
    unit: 'bytes',
    why: 'proof pages asked for by one channel after the other',
  },
  smallFolderBytes: {
    value: 1_000_000_000,
    min: 0,
    max: 9_007_199_254_740_991,
    unit: 'bytes',
    why: 'not indexed yet but hashed before listening: about a second',
  },
  smallFolderObjects: { value: 2_000, min: 0, max: 10_000_000, unit: 'count', why: 'the same, for many small files' },
  indexWaitMs: {
    value: 5_000,
    min: 0,
    max: 60_000,
    unit: 'ms',
    why: 'a request is held while its object is indexed first',
  },
  retryAfterSeconds: {
    value: 5,
    min: 1,
    max: 3_600,
    unit: 's',
    why: 'told to who asked for an object not yet indexed',
  },
  indexJobs: {
    value: 2,
    min: 1,
    max: 64,
    unit: 'count',
    why: 'objects hashed at once; one place is kept for what is asked for',
  },
  hashThreads: { value: 1, min: 1, max: 64, unit: 'count', why: 'one core hashes above 1 GB/s; the rest serves' },
  hashReadBytes: {
    value: 1_048_576,
    min: 32_768,
    max: 16_777_216,
    unit: 'bytes',
    form: 'leaves',
    why: 'one read and one message per MiB hashed',
  },
  settleMs: {
    value: 20,
    min: 0,
    max: 10_000,
    unit: 'ms',
    why: 'a younger file could change again within one tick of the file system clock',
  },
  routeListSeconds: { value: 3_600, min: 10, max: 2_592_000, unit: 's', why: 'how long published routes hold' },
  catalogObjects: {
    value: 10_000,
    min: 1,
    max: 10_000_000,
    unit: 'count',
    why: 'signed manifests kept in memory, about 1 kB each',
  },
  listLimit: { value: 1_000, min: 1, max: 100_000, unit: 'count', why: 'objects in one page of the list' },
  drainNoticeMs: {
    value: 2_000,
    min: 0,
    max: 600_000,
    unit: 'ms',
    why: 'readyz says 503 while new channels are still served',
  },
  drainMs: { value: 20_000, min: 0, max: 3_600_000, unit: 'ms', why: 'below the 30 s that Kubernetes gives' },
} as const;

type Tables = typeof tuning &
  typeof CONNECTION_TUNING &
  typeof ENCODING_TUNING &
  typeof RATE_TUNING &
  typeof BACKEND_TUNING;
type TuningName = keyof Tables;

/** Every size and time of an origin: default, bounds, unit, reason. */
export const ORIGIN_TUNING: Readonly<Record<TuningName, Amount>> = Object.freeze({
  ...tuning,
  ...CONNECTION_TUNING,
  ...ENCODING_TUNING,
  ...RATE_TUNING,
  ...BACKEND_TUNING,
});

/** The resolved sizes and times. */
export type OriginTuning = Readonly<Record<TuningName, number>>;

/** Where an origin listens unless told otherwise. */
const DEFAULT_LISTEN: ListenAddress = Object.freeze({ host: '127.0.0.1', port: 8080 });

/** A server that holds the objects. */
export type BackendOptions = ({ readonly type: 'http' } & HttpPlace) | ({ readonly type: 's3' } & S3Place);

/** What an origin may be told. Only `dir` or `backend` is needed. */
export type OriginOptions = {
  /** The folder to serve. */
  readonly dir?: string | undefined;
  /** What to serve instead of a folder. */
  readonly backend?: BackendOptions | undefined;
  /** Whether all objects are hashed at the start, not each when it is first asked for. */
  readonly indexAhead?: boolean | undefined;
  /** The ways to this origin, published for clients. */
  readonly publishedRoutes?: readonly ListedRoute[] | undefined;
  readonly listen?: ListenAddress | undefined;
  /** Serves /metrics, /livez and /readyz; not opened when absent. */
  readonly admin?: ListenAddress | undefined;
  /** Where the hash index and the signing key are kept; never inside `dir`. */
  readonly stateDir?: string | undefined;
  /** The private Ed25519 key that signs manifests, JWK or PEM; made and kept in `stateDir` when absent. */
  readonly signingKey?: string | undefined;
  /** Public keys (OKP, Ed25519) that tokens must be signed with; without them everybody may read. */
  readonly tokenKeys?: JSONWebKeySet | undefined;
  /** The audience that tokens must be for; `heddle-origin` unless said. */
  readonly audience?: string | undefined;
  /** Serves https with this; mutual TLS when it names authorities of clients. */
  readonly tls?: TlsIdentity | undefined;
  readonly tuning?: Partial<OriginTuning> | undefined;
  /** Takes one line without a line break; standard error by default. */
  readonly log?: ((line: string) => void) | undefined;
  /** Told of each channel that is opened, refused or closed; nobody by default. */
  readonly debug?: ((line: string) => void) | undefined;
};

/** Options with every default filled in. */
export type ResolvedOptions = {
  readonly place: { readonly type: 'dir'; readonly dir: string } | BackendOptions;
  readonly indexAhead: boolean;
  readonly publishedRoutes: readonly ListedRoute[];
  readonly listen: ListenAddress;
  readonly admin: ListenAddress | undefined;
  readonly stateDir: string;
  readonly signingKey: string | undefined;
  readonly tokenKeys: JSONWebKeySet | undefined;
  readonly audience: string;
  readonly tls: TlsIdentity | undefined;
  readonly tuning: OriginTuning;
  readonly log: (line: string) => void;
};

/** Fills in the defaults. Throws `bad-configuration` for a value out of its bounds or a state folder inside `dir`. */
export function resolveOptions(options: OriginOptions, env: NodeJS.ProcessEnv = process.env): ResolvedOptions {
  const stateDir = resolve(options.stateDir ?? defaultStateDir(env));
  const place = options.backend ?? { type: 'dir', dir: resolve(options.dir ?? '.') };
  if (place.type === 'dir' && isInside(stateDir, place.dir)) {
    throw bad(`the state folder ${stateDir} must not lie inside the served folder ${place.dir}`);
  }
  return {
    place,
    indexAhead: options.indexAhead ?? true,
    publishedRoutes: options.publishedRoutes ?? [],
    listen: options.listen ?? DEFAULT_LISTEN,
    admin: options.admin,
    stateDir,
    signingKey: options.signingKey,
    tokenKeys: options.tokenKeys,
    audience: options.audience ?? AUDIENCES.origin,
    tls: options.tls,
    tuning: resolveTuning(options.tuning ?? {}),
    log: options.log ?? ((line) => process.stderr.write(`heddle origin: ${line}\n`)),
  };
}

/** The table's values with `changes` applied, each checked against its bounds. */
export function resolveTuning(changes: Partial<OriginTuning>): OriginTuning {
  const resolved: Record<string, number> = {};
  for (const [name, setting] of Object.entries<Amount>(ORIGIN_TUNING)) {
    const value = changes[name as keyof OriginTuning] ?? setting.value;
    const fault = amountFault(value, setting);
    if (fault !== undefined) throw bad(`${name} ${fault}`);
    resolved[name] = value;
  }
  return Object.freeze(resolved);
}

/** HOST:PORT or [HOST]:PORT; a bare port means loopback. Throws `usage` naming `flag`. */
export function parseListen(text: string, flag: string): ListenAddress {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?([0-9]{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? DEFAULT_LISTEN.host;
  const port = Number(match?.[3]);
  if (match === null || port > 65_535 || (match[1] !== undefined && isIP(host) !== 6)) {
    throw new HeddleError('usage', `${flag} wants HOST:PORT, not "${text}"`);
  }
  return { host, port };
}

/** True when only this machine can reach `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** True when `path` is `folder` or lies below it. Both are absolute. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && resolve(folder, way) === resolve(path));
}

function defaultStateDir(env: NodeJS.ProcessEnv): string {
  const base = env['XDG_STATE_HOME'];
  // The specification: a relative path is to be ignored.
  const folder = base !== undefined && base.startsWith(sep) ? base : join(homedir(), '.local', 'state');
  return join(folder, 'heddle', 'origin');
}

function bad(text: string): HeddleError {
  return new HeddleError('bad-configuration', text);
}
