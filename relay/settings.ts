// What a relay's configuration file may hold, and how it and the flags become the relay's options: flags win.
import { isDeepStrictEqual } from 'node:util';
import { HeddleError } from '../protocol/errors.ts';
import { UPSTREAM_NAME } from '../protocol/paths.ts';
import { AUDIENCES } from '../protocol/token-claims.ts';
import { amounts } from '../protocol/settings/amount.ts';
import { group, mapOf, oneOrMore } from '../protocol/settings/collections.ts';
import { speaksOf } from '../protocol/settings/environment.ts';
import type { Environment } from '../protocol/settings/environment.ts';
import { fromNamedFile } from '../protocol/settings/named-file.ts';
import type { SettingsTable } from '../protocol/settings/setting.ts';
import type { Sources } from '../protocol/settings/sources.ts';
import { address, path, text, webAddress, yesOrNo } from '../protocol/settings/text.ts';
import type { ListenAddress } from '../protocol/settings/text.ts';
import { CLIENT_TLS, filesOf, readPem, readTls, SERVER_TLS } from '../protocol/settings/tls.ts';
import type { TlsFiles } from '../protocol/settings/tls.ts';
import type { LogFlags } from '../protocol/settings/log.ts';
import { parseListen, RELAY_LIMITS } from './options.ts';
import type { RelayLimits, RelayOptions } from './options.ts';

/** What the file may say. */
export type RelaySettings = {
  readonly listen?: ListenAddress;
  readonly admin?: ListenAddress;
  readonly upstreams?: Readonly<Record<string, string>>;
  readonly tokenKeys?: readonly string[];
  readonly audience?: string;
  readonly insecureOpen?: boolean;
  readonly tls?: TlsFiles;
  readonly upstreamTls?: Pick<TlsFiles, 'certificate' | 'key'>;
  readonly trustedCertificates?: string;
  readonly limits?: Partial<RelayLimits>;
};

/** One row per key of the file: a new setting is its type above and one line here. */
export const RELAY_SETTINGS: SettingsTable<RelaySettings> = {
  listen: address({ why: 'where clients connect' }),
  admin: address({ why: 'where /metrics, /livez and /readyz are served besides' }),
  upstreams: mapOf(webAddress({ why: 'an origin or a relay', base: true }), {
    why: 'the origins and relays that may be reached through this one, by name',
    key: UPSTREAM_NAME,
    keyExpects: 'letters, digits, ".", "-" or "_"',
  }),
  tokenKeys: oneOrMore(path({ why: 'a JWKS file' }), {
    why: 'files with the public keys (JWKS) that tokens must be signed with; two while keys are rotated',
  }),
  audience: text({ why: 'the name of this relay in the "aud" of tokens', initial: AUDIENCES.relay }),
  insecureOpen: yesOrNo({ why: 'lets everybody in, without tokens', initial: false }),
  tls: group(SERVER_TLS, { why: 'serves https with this certificate' }),
  upstreamTls: group(CLIENT_TLS, { why: 'the certificate shown to https upstreams that ask for one' }),
  trustedCertificates: path({ why: "PEM file of authorities for https upstreams, instead of the system's" }),
  limits: group<Partial<RelayLimits>>(amounts(RELAY_LIMITS), { why: 'sizes, times and counts' }),
};

/** The flags of `heddle relay`. */
export type RelayFlags = {
  readonly listen?: string | undefined;
  readonly upstream?: readonly string[] | undefined;
  readonly admin?: string | undefined;
  readonly insecureOpen?: boolean | undefined;
  /** Files with a JWKS of public Ed25519 keys. */
  readonly tokenKeys?: readonly string[] | undefined;
  readonly config?: string | undefined;
} & LogFlags;

/** Options and the files that they were read from. */
export type ToldOptions = RelayOptions & { readonly files: readonly string[] };

/** The options that flags, environment and file make together: flags win, then the environment. Throws `bad-configuration`. */
export async function relayOptions(flags: RelayFlags, environment: Environment = process.env): Promise<ToldOptions> {
  const sources = await sourcesOf(flags.config, environment);
  const said: RelaySettings = sources?.values ?? {};
  const { listen, admin, upstream } = flags;
  // who says on the command line how this relay is guarded takes the place of all that the file says of it
  const guard = flags.insecureOpen === true || flags.tokenKeys !== undefined ? flags : said;
  if (sources !== undefined && guard === said) checkGuard(sources);
  if (sources !== undefined && listen === undefined && admin === undefined) checkTogether(sources);
  const resolved = listen === undefined ? said.listen : parseListen(listen);
  if (resolved === undefined) {
    throw sources?.wrong('', NO_LISTEN) ?? new HeddleError('usage', 'say where to listen: --listen HOST:PORT');
  }
  const inFile = <Named, Value>(name: string, named: Named, read: (named: Named) => Promise<Value>): Promise<Value> =>
    fromNamedFile(sources, name, () => read(named));
  return {
    listen: resolved,
    admin: admin === undefined ? said.admin : parseListen(admin, '--admin'),
    upstreams: allUpstreams(said.upstreams ?? {}, upstream ?? []),
    insecureOpen: guard.insecureOpen,
    tokenKeys: await fromNamedFile(guard === said ? sources : undefined, 'tokenKeys', () => keysIn(guard.tokenKeys)),
    audience: said.audience,
    trustedCertificates:
      said.trustedCertificates === undefined
        ? undefined
        : await inFile('trustedCertificates', said.trustedCertificates, (file) => readPem(file, 'authorities')),
    tls: said.tls === undefined ? undefined : await inFile('tls', said.tls, readTls),
    upstreamTls: said.upstreamTls === undefined ? undefined : await inFile('upstreamTls', said.upstreamTls, readTls),
    limits: said.limits,
    files: [
      ...[flags.config, guard.tokenKeys, said.trustedCertificates].flat(),
      ...filesOf(said.tls),
      ...filesOf(said.upstreamTls),
    ].filter((file) => file !== undefined),
  };
}

const NO_LISTEN = 'where to listen is not said; write listen: HOST:PORT, or give --listen';

/** What a relay needs that is told nothing by flags. Throws `bad-configuration` with the place. */
export function checkRelay(sources: Sources<RelaySettings>): void {
  const { listen, upstreams, insecureOpen, tokenKeys } = sources.values;
  if (listen === undefined) throw sources.wrong('', NO_LISTEN);
  if (Object.keys(upstreams ?? {}).length === 0) {
    throw sources.wrong('upstreams', 'a relay needs an upstream; write upstreams: and below it NAME: BASEURL');
  }
  checkGuard(sources);
  checkTogether(sources);
  if (insecureOpen === true || tokenKeys !== undefined) return;
  const ways = 'write tokenKeys: FILE, or insecureOpen: true to let everybody in';
  throw sources.wrong('', `a relay is closed by default; ${ways}`);
}

function checkGuard({ values, wrong }: Sources<RelaySettings>): void {
  if (values.insecureOpen !== true || values.tokenKeys === undefined) return;
  throw wrong('insecureOpen', 'insecureOpen and tokenKeys exclude each other; write one of them');
}

/** What is right by itself, but not beside another setting. */
function checkTogether({ values, wrong }: Sources<RelaySettings>): void {
  const { listen, admin, limits = {} } = values;
  if (admin !== undefined && admin.port !== 0 && isDeepStrictEqual(listen, admin)) {
    throw wrong('admin', 'listen and admin are the same address; write another port for admin');
  }
  const { drainNoticeMs = RELAY_LIMITS.drainNoticeMs.value, drainDeadlineMs = RELAY_LIMITS.drainDeadlineMs.value } =
    limits;
  const name = limits.drainNoticeMs === undefined ? 'drainDeadlineMs' : 'drainNoticeMs';
  if (drainNoticeMs > drainDeadlineMs && drainDeadlineMs > 0) {
    throw wrong(`limits.${name}`, 'the notice ends behind the deadline; write drainNoticeMs below drainDeadlineMs');
  }
}

/** What file and environment say. A relay that is told all by flags has no use for what reads YAML. */
async function sourcesOf(
  file: string | undefined,
  environment: Environment,
): Promise<Sources<RelaySettings> | undefined> {
  if (file === undefined && !speaksOf('relay', environment)) return undefined;
  const { readSources } = await import('../protocol/settings/sources.ts');
  return readSources({ file, role: 'relay', environment }, RELAY_SETTINGS);
}

/** NAME=BASEURL of both; a flag takes the place of the file's upstream of its name. */
function allUpstreams(inFile: Readonly<Record<string, string>>, inFlags: readonly string[]): string[] {
  const named = new Set(inFlags.map((flag) => flag.split('=', 1)[0]));
  const kept = Object.entries(inFile).filter(([name]) => !named.has(name));
  return [...kept.map(([name, url]) => `${name}=${url}`), ...inFlags];
}

/** An open relay has no use for what reads keys. */
async function keysIn(files: readonly string[] | undefined): Promise<RelayOptions['tokenKeys']> {
  if (files === undefined) return undefined;
  const { importTokenKeys, readTokenKeys } = await import('../protocol/access/token-keys.ts');
  const keys = await readTokenKeys(files);
  await importTokenKeys(keys);
  return keys;
}
