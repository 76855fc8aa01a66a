// What an origin's configuration file may hold, and how it and the flags become the origin's options: flags win.
import { isDeepStrictEqual } from 'node:util';
import { HeddleError } from '../protocol/errors.ts';
import type { ListedRoute } from '../protocol/route-list.ts';
import { AUDIENCES } from '../protocol/token-claims.ts';
import { amounts } from '../protocol/settings/amount.ts';
import { group, oneOrMore } from '../protocol/settings/collections.ts';
import { speaksOf } from '../protocol/settings/environment.ts';
import type { Environment } from '../protocol/settings/environment.ts';
import { checkFolder, fromNamedFile } from '../protocol/settings/named-file.ts';
import type { SettingsTable } from '../protocol/settings/setting.ts';
import type { Sources } from '../protocol/settings/sources.ts';
import { address, path, text, yesOrNo } from '../protocol/settings/text.ts';
import type { ListenAddress } from '../protocol/settings/text.ts';
import { filesOf, readTls, SERVER_TLS } from '../protocol/settings/tls.ts';
import type { TlsFiles } from '../protocol/settings/tls.ts';
import type { LogFlags } from '../protocol/settings/log.ts';
import { BACKEND_SETTINGS, backendOf, checkBackend, filesOfBackend } from './backend-settings.ts';
import type { BackendSettings } from './backend-settings.ts';
import { checkPublished, PUBLISHED_ROUTES } from './route-settings.ts';
import { isInside, ORIGIN_TUNING, parseListen } from './options.ts';
import type { OriginOptions, OriginTuning } from './options.ts';
import { checkSigningKey } from './signing.ts';

/** What the file may say. */
export type OriginSettings = {
  readonly dir?: string;
  readonly backend?: BackendSettings;
  readonly indexAhead?: boolean;
  readonly publishedRoutes?: readonly ListedRoute[];
  readonly listen?: ListenAddress;
  readonly admin?: ListenAddress;
  readonly stateDir?: string;
  readonly signingKey?: string;
  readonly tokenKeys?: readonly string[];
  readonly audience?: string;
  readonly tls?: TlsFiles;
  readonly tuning?: Partial<OriginTuning>;
};

/** One row per key of the file: a new setting is its type above and one line here. */
export const ORIGIN_SETTINGS: SettingsTable<OriginSettings> = {
  dir: path({ why: 'the folder to serve' }),
  backend: group(BACKEND_SETTINGS, { why: 'the server that holds the objects, instead of a folder' }),
  indexAhead: yesOrNo({
    why: 'whether all objects that are listed are hashed at the start, not each when it is first asked for',
    initial: true,
  }),
  publishedRoutes: PUBLISHED_ROUTES,
  listen: address({ why: 'where clients and relays connect', initial: { host: '127.0.0.1', port: 8080 } }),
  admin: address({ why: 'where /metrics, /livez and /readyz are served besides' }),
  stateDir: path({ why: 'where the hash index and the signing key are kept; never inside dir' }),
  signingKey: path({
    why: 'private key that signs manifests, shared by origins with the same objects; made by heddle keygen',
  }),
  tokenKeys: oneOrMore(path({ why: 'a JWKS file' }), {
    why: 'files with the public keys (JWKS) that tokens must be signed with; without them everybody may read',
  }),
  audience: text({ why: 'the name of this origin in the "aud" of tokens', initial: AUDIENCES.origin }),
  tls: group(SERVER_TLS, { why: 'serves https with this certificate' }),
  tuning: group<Partial<OriginTuning>>(amounts(ORIGIN_TUNING), { why: 'sizes, times and counts' }),
};

/** The flags of `heddle origin`. */
export type OriginFlags = {
  readonly dir?: string | undefined;
  readonly listen?: string | undefined;
  readonly admin?: string | undefined;
  readonly state?: string | undefined;
  /** Files with a JWKS of public Ed25519 keys. */
  readonly tokenKeys?: readonly string[] | undefined;
  readonly config?: string | undefined;
} & LogFlags;

/** Options and the files that they were read from. */
export type ToldOptions = OriginOptions & { readonly files: readonly string[] };

/** The options that flags, environment and file make together: flags win, then the environment. Throws `bad-configuration` or `usage`. */
export async function originOptions(flags: OriginFlags, environment: Environment = process.env): Promise<ToldOptions> {
  const sources = await sourcesOf(flags.config, environment);
  const said: OriginSettings = sources?.values ?? {};
  if (sources !== undefined) checkPlaces(sources);
  const dir = flags.dir ?? said.dir;
  const remote = flags.dir === undefined ? said.backend : undefined;
  if (dir === undefined && remote === undefined) {
    throw sources?.wrong('', NO_FOLDER) ?? new HeddleError('usage', 'say which folder to serve: --dir DIR');
  }
  if (sources !== undefined) await checkFolders(sources, flags);
  return {
    dir,
    backend: await fromNamedFile(sources, 'backend', async () =>
      remote === undefined ? undefined : await backendOf(remote),
    ),
    indexAhead: said.indexAhead,
    publishedRoutes: said.publishedRoutes,
    listen: flags.listen === undefined ? said.listen : parseListen(flags.listen, '--listen'),
    admin: flags.admin === undefined ? said.admin : parseListen(flags.admin, '--admin'),
    stateDir: flags.state ?? said.stateDir,
    signingKey: said.signingKey,
    tokenKeys: await fromNamedFile(flags.tokenKeys === undefined ? sources : undefined, 'tokenKeys', () =>
      keysIn(flags.tokenKeys ?? said.tokenKeys),
    ),
    audience: said.audience,
    tls: await fromNamedFile(sources, 'tls', async () =>
      said.tls === undefined ? undefined : await readTls(said.tls),
    ),
    tuning: said.tuning,
    files: [flags.config, flags.tokenKeys ?? said.tokenKeys, filesOf(said.tls), filesOfBackend(remote ?? {})]
      .flat()
      .filter((file) => file !== undefined),
  };
}

const NO_FOLDER = 'the folder to serve is not said; write dir: FOLDER, or backend:, or give --dir';

/** What an origin needs that is told nothing by flags. Throws `bad-configuration` with the place. */
export function checkOrigin(sources: Sources<OriginSettings>): void {
  const { dir, backend } = sources.values;
  if (dir === undefined && backend === undefined) throw sources.wrong('', NO_FOLDER);
  checkPlaces(sources);
}

function checkPlaces({
  values: { dir, backend, stateDir, listen, admin, publishedRoutes = [], tuning = {} },
  wrong,
}: Sources<OriginSettings>): void {
  checkPublished(publishedRoutes, wrong);
  if (admin !== undefined && admin.port !== 0 && isDeepStrictEqual(listen, admin)) {
    throw wrong('admin', 'listen and admin are the same address; write another port for admin');
  }
  const { drainNoticeMs = ORIGIN_TUNING.drainNoticeMs.value, drainMs = ORIGIN_TUNING.drainMs.value } = tuning;
  if (drainNoticeMs > drainMs && drainMs > 0) {
    const name = tuning.drainNoticeMs === undefined ? 'drainMs' : 'drainNoticeMs';
    throw wrong(`tuning.${name}`, 'the notice ends behind the deadline; write drainNoticeMs below drainMs');
  }
  if (dir !== undefined && stateDir !== undefined && isInside(stateDir, dir)) {
    throw wrong('stateDir', 'the state folder lies inside the served folder; write one outside of dir');
  }
  if (backend === undefined) return;
  if (dir !== undefined) throw wrong('backend', 'dir and backend exclude each other; write one of them');
  checkBackend(backend, wrong);
}

/** The folders that are not given by flags: that served must be there, and nobody may be served the key. */
async function checkFolders(sources: Sources<OriginSettings>, flags: OriginFlags): Promise<void> {
  const { dir, signingKey } = sources.values;
  if (flags.dir === undefined && dir !== undefined) await checkFolder(sources, 'dir', dir);
  if (signingKey !== undefined) await fromNamedFile(sources, 'signingKey', () => checkSigningKey(signingKey));
}

/** What file and environment say. An origin that is told all by flags has no use for what reads YAML. */
async function sourcesOf(
  file: string | undefined,
  environment: Environment,
): Promise<Sources<OriginSettings> | undefined> {
  if (file === undefined && !speaksOf('origin', environment)) return undefined;
  const { readSources } = await import('../protocol/settings/sources.ts');
  return readSources({ file, role: 'origin', environment }, ORIGIN_SETTINGS);
}

/** An open origin has no use for what reads keys. */
async function keysIn(files: readonly string[] | undefined): Promise<OriginOptions['tokenKeys']> {
  if (files === undefined) return undefined;
  const { importTokenKeys, readTokenKeys } = await import('../protocol/access/token-keys.ts');
  const keys = await readTokenKeys(files);
  await importTokenKeys(keys);
  return keys;
}
