// Starts and stops an origin: opens its parts in order, listens, and on a signal says "not ready", drains, and closes at
// the deadline. `originMain` is what the command line runs; what each part does is its own file's business.
import { realpath } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Server as TlsServer } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import type { TokenCheck } from '../protocol/access/token-check.ts';
import { asHeddleError, exitCodeOf } from '../protocol/errors.ts';
import { bracketedHost } from '../protocol/host.ts';
import { listenFault } from '../protocol/listen-fault.ts';
import { packageVersion } from '../protocol/metrics/package-version.ts';
import { reloadOnChange } from '../protocol/settings/reload.ts';
import type { Applied } from '../protocol/settings/reload.ts';
import type { ListenAddress } from '../protocol/settings/text.ts';
import { secureOptions } from '../protocol/settings/tls.ts';
import type { TlsIdentity } from '../protocol/settings/tls.ts';
import { openLog } from '../protocol/settings/log.ts';
import { Allowances } from './allowances.ts';
import type { Backend } from './backend.ts';
import { BlockCache } from './block-cache.ts';
import { Catalog } from './catalog.ts';
import { Guard } from './guard.ts';
import { HashIndex, INDEX_FILE } from './hash-index.ts';
import { startScan } from './index-scan.ts';
import { Indexer } from './indexer.ts';
import { addReadings } from './metric-readings.ts';
import { createOriginMetrics } from './metrics.ts';
import { nameOfPlace, openBackend } from './open-backend.ts';
import { isLoopback, resolveOptions } from './options.ts';
import type { OriginOptions, OriginTuning, ResolvedOptions } from './options.ts';
import type { OriginParts } from './origin-parts.ts';
import { ProofPages } from './proof-pages.ts';
import { PublishedRoutes } from './published-routes.ts';
import { reconfigure } from './reconfigure.ts';
import type { ChangingParts } from './reconfigure.ts';
import { Running } from './running.ts';
import { createAdminServer, createPublicServer } from './server.ts';
import { originOptions } from './settings.ts';
import type { OriginFlags } from './settings.ts';
import { openSigner } from './signing.ts';
import { openStateFolder } from './state-folder.ts';
import { Channels } from './upgrade.ts';
import { systemReason } from '../protocol/system-words.ts';

/** A listening origin. */
export type RunningOrigin = {
  /** Base URL: what a route without relays is. */
  readonly url: string;
  readonly port: number;
  readonly adminUrl: string | undefined;
  /** The place of the objects, as it is named to the operator. */
  readonly serves: string;
  /** The signing key's `x`, base64url. */
  readonly publicKey: string;
  /** Settles when every object is indexed. */
  readonly indexed: Promise<void>;
  /**
   * Makes other options count: keys at once, most sizes and times, the rest not before a restart. Throws what startOrigin
   * throws, and then has changed nothing.
   */
  reconfigure(options: OriginOptions): Promise<Applied>;
  /** Counts a reading of settings for the metrics. */
  reloaded(applied: boolean): void;
  /**
   * Stops: not ready at once, no new channels after `noticeMs`, those open may finish until the earliest deadline asked for.
   */
  close(options?: { readonly noticeMs?: number; readonly deadlineMs?: number }): Promise<void>;
  /** Stops without waiting for channels. */
  [Symbol.asyncDispose](): Promise<void>;
};

/** Starts an origin. Throws `bad-configuration` for a folder or a value that cannot be used, `local-io` for an address. */
export async function startOrigin(options: OriginOptions): Promise<RunningOrigin> {
  const resolved = resolveOptions(options);
  const { log } = resolved;
  // one object for all parts: a reload changes what is in it
  const tuning = { ...resolved.tuning };
  await using opened = new AsyncDisposableStack();
  const metrics = createOriginMetrics(packageVersion(), resolved.admin !== undefined);
  const backend = opened.adopt(await openBackend(resolved, tuning, metrics.backend), (place) => place.close());
  const served = resolved.place.type === 'dir' ? await realpath(resolved.place.dir) : undefined;
  const folder = await openStateFolder(resolved.stateDir, served, log);
  const signer = await openSigner(folder, log, resolved.signingKey);
  const guard = new Guard(await tokenCheckOf(resolved));
  const index = opened.use(await openIndex(folder, resolved));
  const blocks: BlockCache = new BlockCache(cacheSizesOf(backend, tuning), (kind, count) =>
    metrics.reads[kind].inc(count),
  );
  const indexer = opened.use(
    new Indexer(backend, index, tuning, {
      hashed: (bytes, seconds) => {
        metrics.hashedBytes.inc(bytes);
        metrics.indexSeconds.observe(seconds);
      },
      failed: () => metrics.indexFailures.inc(),
    }),
  );
  const catalog = new Catalog({ backend, index, indexer, signer, tuning });
  const pages = new ProofPages(index, tuning.proofCacheBytes);
  const bodies = new Running();
  const published = new PublishedRoutes(signer, tuning, resolved.publishedRoutes);
  const allowances = new Allowances(tuning, () => metrics.limited['token-bytes'].inc());
  const stores = { backend, catalog, blocks, pages, bodies };
  const parts: OriginParts = { guard, allowances, ...stores, metrics, published, tuning, debug: options.debug };
  const channels = opened.use(new Channels(parts));
  const stopping = new AbortController();
  const scan = startScan({ backend, index, indexer, tuning, log, ahead: resolved.indexAhead }, stopping.signal);
  opened.defer(async () => {
    stopping.abort();
    // whoever waits for a server that is silent waits no longer
    await backend.close();
    await indexer[Symbol.asyncDispose]();
    await scan.done;
  });
  await scan.small;

  let ready = true;
  const app = opened.adopt(
    createPublicServer(parts, channels, () => ready, resolved.tls),
    closeServer,
  );
  const url = await listen(app, resolved.listen, resolved.tls === undefined ? 'http' : 'https');
  let adminUrl: string | undefined;
  if (resolved.admin !== undefined) {
    const admin = opened.adopt(
      createAdminServer(parts, () => ready),
      closeServer,
    );
    adminUrl = await listen(admin, resolved.admin, 'http');
  }
  const warnWhenOpen = (): void => {
    if (!guard.isOpen || isLoopback(resolved.listen.host)) return;
    log(
      `warning: everybody who can reach ${url} can read ${nameOfPlace(resolved.place)}: this origin asks for no token`,
    );
  };
  warnWhenOpen();
  let shown = resolved.tls;
  const setTls = (identity: TlsIdentity): void => {
    shown = identity;
    (app.server as unknown as TlsServer).setSecureContext(secureOptions(identity));
  };
  let isIndexed = false;
  void scan.done.then(() => (isIndexed = true));
  addReadings(metrics.registry, {
    blocks,
    channels,
    indexer,
    tuning,
    isReady: () => ready,
    isIndexed: () => isIndexed,
    connections: () => connectionsOf(app),
    tls: () => shown,
  });
  const changing: ChangingParts = { options: resolved, tuning, guard, backend, published, tokenCheckOf, setTls };

  const all = opened.move();
  const hurry = Promise.withResolvers<void>();
  let closing: Promise<void> | undefined;
  const drained = async (noticeMs: number): Promise<void> => {
    ready = false;
    if (noticeMs > 0) await Promise.race([sleep(noticeMs, undefined, { ref: false }), hurry.promise]);
    await Promise.race([Promise.all([channels.drain(), bodies.idle()]), hurry.promise]);
    await channels.end();
    await all.disposeAsync();
  };
  const close = async (noticeMs: number, deadlineMs: number): Promise<void> => {
    const late = setTimeout(hurry.resolve, deadlineMs);
    await (closing ??= drained(noticeMs));
    clearTimeout(late);
  };
  return {
    url,
    port: (app.server.address() as AddressInfo).port,
    adminUrl,
    serves: nameOfPlace(resolved.place),
    publicKey: signer.publicKey,
    indexed: scan.done,
    reconfigure: async (next) => {
      const applied = await reconfigure(changing, resolveOptions(next));
      if (applied.changed.includes('tokenKeys')) warnWhenOpen();
      return applied;
    },
    reloaded: metrics.reloaded,
    close: ({ noticeMs = tuning.drainNoticeMs, deadlineMs = tuning.drainMs } = {}) => close(noticeMs, deadlineMs),
    [Symbol.asyncDispose]: () => close(0, 0),
  };
}

/** Runs an origin until SIGTERM or SIGINT and returns the exit code; what is wrong is said in one line. */
export async function originMain(flags: OriginFlags): Promise<number> {
  const log = openLog('heddle origin', flags, process.env);
  try {
    const options = await originOptions(flags);
    const origin = await startOrigin({ ...options, log: log.warning, debug: log.debug });
    const admin = origin.adminUrl === undefined ? '' : `, admin ${origin.adminUrl}`;
    // it listens to signals before it says that it serves: whoever waited for that may send one
    const told = signalled();
    using _ = reloadOnChange({
      files: options.files,
      reload: async () => {
        const next = await originOptions(flags);
        return { ...(await origin.reconfigure(next)), files: next.files };
      },
      say: log.info,
      complain: log.warning,
      counted: origin.reloaded,
    });
    process.stdout.write(`heddle origin: serving ${origin.serves} on ${origin.url}${admin}\n`);
    // A person at the keyboard has no balancer to give notice to.
    const closed = origin.close((await told) === 'SIGINT' ? { noticeMs: 0 } : {});
    // Whoever asks twice means it.
    const impatient = signalled().then(() => origin.close({ deadlineMs: 0 }));
    await Promise.race([closed, impatient]);
    return 0;
  } catch (error) {
    const { code, message } = asHeddleError(error);
    log.error(message);
    return exitCodeOf(code);
  }
}

/** Read from a folder ahead of who reads in order: the next read is under way while what came is written. */
const FOLDER_AHEAD_BYTES = 1_048_576;

/** What was fetched from a server is kept as long as there is room, and fetched far ahead: a read there takes long. */
function cacheSizesOf({ isRemote }: Backend, tuning: OriginTuning): OriginTuning & { readonly aheadBytes: number } {
  const { cacheBytes, backendAheadBytes } = tuning;
  return isRemote
    ? { ...tuning, idleBytes: cacheBytes, aheadBytes: backendAheadBytes }
    : { ...tuning, aheadBytes: FOLDER_AHEAD_BYTES };
}

/** An open origin has no use for what checks tokens. */
async function tokenCheckOf({ tokenKeys, audience, tuning }: ResolvedOptions): Promise<TokenCheck | undefined> {
  if (tokenKeys === undefined) return undefined;
  const { createTokenCheck } = await import('../protocol/access/token-check.ts');
  return createTokenCheck({ keys: tokenKeys, audience, maxEntries: tuning.tokenCacheEntries });
}

async function openIndex(folder: string | undefined, { tuning, log }: ResolvedOptions): Promise<HashIndex> {
  if (folder === undefined) return HashIndex.open(undefined, tuning.hashThreads);
  const file = join(folder, INDEX_FILE);
  try {
    return await HashIndex.open(file, tuning.hashThreads);
  } catch (error) {
    log(`cannot use ${file} (${systemReason(error)}): hashes are kept in memory only`);
    return HashIndex.open(undefined, tuning.hashThreads);
  }
}

async function listen(app: FastifyInstance, { host, port }: ListenAddress, scheme: string): Promise<string> {
  try {
    await app.listen({ host, port, listenTextResolver: () => '' });
  } catch (cause) {
    throw listenFault(`${host}:${port}`, cause);
  }
  const { port: bound } = app.server.address() as AddressInfo;
  return `${scheme}://${bracketedHost(host)}:${bound}`;
}

async function connectionsOf({ server }: FastifyInstance): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  server.getConnections((error, count) => resolve(error === null ? count : 0));
  return promise;
}

async function closeServer(app: FastifyInstance): Promise<void> {
  const closed = app.close();
  app.server.closeAllConnections();
  await closed;
}

function signalled(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  process.once('SIGTERM', resolve);
  process.once('SIGINT', resolve);
  return promise;
}
