// What a relay can be told: its options, the limits with default, bounds, unit and reason, and the checks of both.
// Everything is resolved here once; the rest of the relay only sees checked values.
import type { JSONWebKeySet } from 'jose';
import { HeddleError } from '../protocol/errors.ts';
import { bareHost } from '../protocol/host.ts';
import { UPSTREAM_NAME } from '../protocol/paths.ts';
import { amountFault } from '../protocol/settings/amount.ts';
import { parseAddress } from '../protocol/settings/text.ts';
import type { ListenAddress } from '../protocol/settings/text.ts';
import type { TlsIdentity } from '../protocol/settings/tls.ts';
import type { Endpoint } from './upstream-socket.ts';

export type RelayOptions = {
  readonly listen: ListenAddress;
  /** The allow-list: NAME=BASEURL, as on the command line. */
  readonly upstreams: readonly string[];
  /** Where /metrics, /livez and /readyz are served besides; nowhere by default. */
  readonly admin?: ListenAddress | undefined;
  /** Public keys (OKP, Ed25519) that tokens must be signed with. */
  readonly tokenKeys?: JSONWebKeySet | undefined;
  /** The audience that tokens must be for; `heddle-relay` unless said. */
  readonly audience?: string | undefined;
  /** Lets everybody in. The only way to do without token keys. */
  readonly insecureOpen?: boolean | undefined;
  /** Serves https with this; mutual TLS when it names authorities of clients. */
  readonly tls?: TlsIdentity | undefined;
  /** Shown to https upstreams that ask for a certificate. */
  readonly upstreamTls?: TlsIdentity | undefined;
  /** PEM of certificate authorities for https upstreams, instead of the system's. */
  readonly trustedCertificates?: string | undefined;
  readonly limits?: Partial<RelayLimits> | undefined;
  /** Told of each session that begins, is refused or ends; nobody by default. */
  readonly debug?: ((line: string) => void) | undefined;
};

/** An upstream of the allow-list. */
export type UpstreamTarget = {
  readonly name: string;
  readonly endpoint: Endpoint;
  /** Value of Host. */
  readonly authority: string;
  readonly origin: string;
  /** What stands before the forwarded path; without a slash at its end. */
  readonly basePath: string;
};

const limits = {
  maxSessions: {
    value: 10_000,
    min: 1,
    max: 1_000_000,
    unit: 'sessions',
    why: 'sessions and plain requests at one time, in all',
  },
  maxSessionsPerToken: {
    value: 10_000,
    min: 1,
    max: 1_000_000,
    unit: 'sessions',
    why: 'the same for one token, or one subject of tokens; a token may say less',
  },
  maxBytesPerSecond: {
    value: 0,
    min: 0,
    max: 1_000_000_000_000,
    unit: 'bytes/s',
    why: 'to all clients together, shared fairly between sessions; 0 is no limit',
  },
  maxBytesPerSecondPerToken: {
    value: 0,
    min: 0,
    max: 1_000_000_000_000,
    unit: 'bytes/s',
    why: 'the same for one token; a token may say less; 0 is no limit',
  },
  maxConnections: {
    value: 20_000,
    min: 1,
    max: 2_000_000,
    unit: 'connections',
    why: 'accepted sockets, idle ones included',
  },
  heldBytes: {
    value: 262_144,
    min: 16_384,
    max: 8_388_608,
    unit: 'bytes',
    why: 'buffers waiting for one client before its upstream pauses',
  },
  bufferBudgetBytes: {
    value: 268_435_456,
    min: 1_048_576,
    max: 1_099_511_627_776,
    unit: 'bytes',
    why: 'read buffers in use before new ones stay small',
  },
  spareBufferBytes: {
    value: 16_777_216,
    min: 0,
    max: 1_099_511_627_776,
    unit: 'bytes',
    why: 'free read buffers kept for the next read',
  },
  earlyBytes: {
    value: 65_536,
    min: 1_024,
    max: 1_048_576,
    unit: 'bytes',
    why: 'taken from a client whose upgrade is not answered yet',
  },
  refusedBodyBytes: {
    value: 65_536,
    min: 0,
    max: 1_048_576,
    unit: 'bytes',
    why: 'body of a refused upgrade that is passed on',
  },
  handshakeTimeoutMs: {
    value: 10_000,
    min: 100,
    max: 120_000,
    unit: 'ms',
    why: 'TLS handshake of a client',
  },
  connectTimeoutMs: { value: 5_000, min: 10, max: 120_000, unit: 'ms', why: 'TCP and TLS to an upstream' },
  answerTimeoutMs: {
    value: 20_000,
    min: 10,
    max: 600_000,
    unit: 'ms',
    why: 'head of an answer: an origin may index for 5 s',
  },
  headTimeoutMs: {
    value: 75_000,
    min: 1_000,
    max: 600_000,
    unit: 'ms',
    why: 'head of a request; above the 50 s of warm connections',
  },
  idleTimeoutMs: {
    value: 300_000,
    min: 100,
    max: 86_400_000,
    unit: 'ms',
    why: 'a session or response in which nothing moves',
  },
  lingerTimeoutMs: {
    value: 10_000,
    min: 10,
    max: 600_000,
    unit: 'ms',
    why: 'nothing moves though one side has ended',
  },
  warmConnections: {
    value: 2,
    min: 0,
    max: 64,
    unit: 'connections',
    why: 'kept ready per upstream: an upgrade saves a round trip',
  },
  warmIdleMs: {
    value: 50_000,
    min: 100,
    max: 600_000,
    unit: 'ms',
    why: 'life of a warm connection; servers close theirs at 75 s',
  },
  warmForgetMs: {
    value: 300_000,
    min: 100,
    max: 86_400_000,
    unit: 'ms',
    why: 'without use before an upstream has none kept warm',
  },
  drainNoticeMs: {
    value: 2_000,
    min: 0,
    max: 600_000,
    unit: 'ms',
    why: 'readyz says 503 while new sessions are still served',
  },
  drainDeadlineMs: {
    value: 25_000,
    min: 0,
    max: 86_400_000,
    unit: 'ms',
    why: 'to end by SIGTERM; orchestrators kill at 30 s',
  },
  tokenCacheEntries: {
    value: 10_000,
    min: 1,
    max: 1_000_000,
    unit: 'tokens',
    why: 'verified tokens remembered until they expire',
  },
} as const;

/** Default, bounds, unit and reason of every limit. */
export const RELAY_LIMITS: Readonly<typeof limits> = Object.freeze(limits);

export type RelayLimits = { readonly [Name in keyof typeof RELAY_LIMITS]: number };

/** Options after all checks. */
export type ResolvedOptions = Omit<RelayOptions, 'upstreams' | 'limits'> & {
  readonly upstreams: readonly UpstreamTarget[];
  readonly limits: RelayLimits;
};

/** Checks everything; throws `bad-configuration` or `usage` with one clear line. */
export function resolveOptions(options: RelayOptions): ResolvedOptions {
  const upstreams = options.upstreams.map((text) => parseUpstream(text, options));
  if (upstreams.length === 0) throw bad('a relay needs at least one upstream (--upstream NAME=BASEURL)');
  const names = upstreams.map((upstream) => upstream.name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw bad(`the upstream "${twice}" is given twice`);
  if (options.insecureOpen === true && options.tokenKeys !== undefined) {
    throw new HeddleError('usage', '--insecure-open and --token-keys exclude each other');
  }
  if (options.insecureOpen !== true && options.tokenKeys === undefined) {
    throw bad('a relay is closed by default: give --token-keys FILE, or --insecure-open to let everybody in');
  }
  return { ...options, upstreams, limits: resolveLimits(options.limits ?? {}) };
}

/** `HOST:PORT`, `[IPv6]:PORT`; port 0 means any free one. */
export function parseListen(text: string, flag = '--listen'): ListenAddress {
  const address = parseAddress(text);
  if (address === undefined) throw bad(`${flag} "${text}" is not HOST:PORT`);
  return address;
}

function parseUpstream(text: string, { trustedCertificates, upstreamTls: identity }: RelayOptions): UpstreamTarget {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(equals, 0));
  if (equals < 0) throw bad(`--upstream "${text}" is not NAME=BASEURL`);
  if (!UPSTREAM_NAME.test(name)) throw bad(`the upstream name "${name}" is not letters, digits, ".", "-", "_"`);
  const base = text.slice(equals + 1);
  const url = URL.canParse(base) ? new URL(base) : undefined;
  if (url === undefined) throw bad(`the base URL "${base}" of the upstream "${name}" is not a URL`);
  const tls = url.protocol === 'https:';
  if (!tls && url.protocol !== 'http:') throw bad(`the upstream "${name}" is neither http:// nor https://`);
  if (url.username !== '' || url.password !== '') throw bad(`the base URL of "${name}" must not hold credentials`);
  if (url.search !== '' || url.hash !== '') throw bad(`the base URL of "${name}" must not have a query or fragment`);
  const host = bareHost(url.hostname);
  const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port);
  const endpoint = { host, port, tls, trustedCertificates, identity };
  return { name, endpoint, authority: url.host, origin: url.origin, basePath: url.pathname.replace(/\/+$/, '') };
}

function resolveLimits(given: Partial<RelayLimits>): RelayLimits {
  for (const name of Object.keys(given)) if (!(name in RELAY_LIMITS)) throw bad(`"${name}" is not a limit of a relay`);
  const resolved: Record<string, number> = {};
  for (const [name, bounds] of Object.entries(RELAY_LIMITS)) {
    const value = given[name as keyof RelayLimits] ?? bounds.value;
    const fault = amountFault(value, bounds);
    if (fault !== undefined) throw bad(`${name} ${fault}`);
    resolved[name] = value;
  }
  return Object.freeze(resolved) as RelayLimits;
}

function bad(text: string): HeddleError {
  return new HeddleError('bad-configuration', text);
}
