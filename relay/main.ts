// A relay from its options to its end: builds the parts, listens, ticks, drains. relayMain is the same for the command
// line: flags in, exit code out.
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TokenCheck } from '../protocol/access/token-check.ts';
import { asHeddleError, exitCodeOf } from '../protocol/errors.ts';
import { AUDIENCES } from '../protocol/token-claims.ts';
import { packageVersion } from '../protocol/metrics/package-version.ts';
import { reloadOnChange } from '../protocol/settings/reload.ts';
import type { Applied, ReloadTask } from '../protocol/settings/reload.ts';
import type { TlsIdentity } from '../protocol/settings/tls.ts';
import { openLog } from '../protocol/settings/log.ts';
import type { Log } from '../protocol/settings/log.ts';
import { Admission } from './admission.ts';
import type { RelayContext } from './context.ts';
import { drain } from './drain.ts';
import type { DrainTimes } from './drain.ts';
import { LandingBuffers } from './landing-buffers.ts';
import { createMetrics } from './metrics.ts';
import { resolveOptions } from './options.ts';
import type { RelayOptions, ResolvedOptions, UpstreamTarget } from './options.ts';
import { startListening } from './listeners.ts';
import type { Listeners } from './listeners.ts';
import { reconfigure } from './reconfigure.ts';
import type { ChangingParts } from './reconfigure.ts';
import { Sessions } from './sessions.ts';
import { relayOptions } from './settings.ts';
import type { RelayFlags } from './settings.ts';
import { Shaper } from '../protocol/access/shaper.ts';
import { createUpstream } from './upstream.ts';
import type { Upstream } from './upstream.ts';

export type RunningRelay = AsyncDisposable & {
  /** Base URL of the public listener, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  readonly adminUrl: string | undefined;
  /** What the relay is doing right now. */
  readonly status: () => RelayStatus;
  /**
   * Makes other options count: upstreams, limits and keys at once, addresses not before a restart. Throws what startRelay
   * throws, and then has changed nothing.
   */
  reconfigure(options: RelayOptions): Promise<Applied>;
  /** Counts a reading of settings for the metrics. */
  reloaded(applied: boolean): void;
  /** Stops: not ready at once, new sessions refused after `noticeMs`, what is left cut off after `deadlineMs`. */
  close(times?: Partial<DrainTimes>): Promise<void>;
};

export type RelayStatus = {
  readonly ready: boolean;
  /** Sessions and plain requests let in. */
  readonly open: number;
  readonly sessions: readonly { upstream: string; heldBytes: number; peakHeldBytes: number }[];
  /** Read buffers in use, bytes. */
  readonly bufferBytes: number;
  readonly warmConnections: Readonly<Record<string, number>>;
};

/** How often idle, expired and warm connections are looked at. */
const TICK_MS = 1_000;

/** Starts a relay; throws `bad-configuration`, `usage` or `local-io`. */
export async function startRelay(options: RelayOptions): Promise<RunningRelay> {
  const resolved = resolveOptions(options);
  // one object for all parts: a reload changes what is in it
  const limits = { ...resolved.limits };
  let ready = true;
  const isReady = (): boolean => ready;
  const buffers = new LandingBuffers(limits);
  const newUpstream = (target: UpstreamTarget): Upstream => createUpstream(target, buffers, limits);
  const upstreams = new Map(resolved.upstreams.map((target) => [target.name, newUpstream(target)]));
  const sessions = new Sessions(limits);
  const tokenCheck = await loadTokenCheck(resolved);
  const pseudonym = `heddle-${randomBytes(6).toString('hex')}`;
  const shaper = new Shaper(limits);
  let shown = resolved.tls;
  const metrics = createMetrics({
    version: packageVersion(),
    upstreams,
    sessions,
    buffers,
    shaper,
    limits,
    isReady,
    connections: () => listeners.connections(),
    tls: () => shown,
  });
  const admission = new Admission({ upstreams, pseudonym, tokenCheck, limits, shaper });
  const upgradedSockets = new Set<Socket>();
  const { debug } = options;
  const parts = { pseudonym, limits, upstreams, admission, sessions, upgradedSockets };
  const context: RelayContext = { ...parts, buffers, metrics, debug, isReady };
  const listeners: Listeners = await startListening(context, resolved);
  const timer = setInterval(() => {
    sessions.tick(performance.now());
    admission.tick(Date.now());
    for (const { warm } of upstreams.values()) warm.tick(performance.now());
  }, TICK_MS);
  timer.unref();
  const close = drain(context, {
    onNotice: () => {
      ready = false;
    },
    onEnd: async () => {
      clearInterval(timer);
      for (const upstream of upstreams.values()) upstream.close();
      await listeners.close();
    },
    dropConnections: listeners.dropConnections,
    defaults: () => ({ noticeMs: limits.drainNoticeMs, deadlineMs: limits.drainDeadlineMs }),
  });
  const { setMaxConnections } = listeners;
  const setTls = (identity: TlsIdentity): void => {
    shown = identity;
    listeners.setTls(identity);
  };
  const changing: ChangingParts = {
    options: resolved,
    limits,
    upstreams,
    admission,
    createUpstream: newUpstream,
    loadTokenCheck,
    setMaxConnections,
    setTls,
  };
  return {
    url: listeners.url,
    port: listeners.port,
    adminUrl: listeners.adminUrl,
    status: () => statusOf(context),
    reconfigure: async (next) => reconfigure(changing, resolveOptions(next)),
    reloaded: metrics.reloaded,
    close,
    [Symbol.asyncDispose]: () => close({ noticeMs: 0, deadlineMs: 0 }),
  };
}

/** Runs a relay until SIGTERM or SIGINT (a second one hurries); the exit code of the command. */
export async function relayMain(flags: RelayFlags): Promise<number> {
  const log = openLog('heddle relay', flags, process.env);
  try {
    const options = await relayOptions(flags);
    const relay = await startRelay({ ...options, debug: log.debug });
    warnWhenOpen(relay, options, log);
    const admin = relay.adminUrl === undefined ? '' : ` (admin on ${relay.adminUrl})`;
    const stopped = untilStopped(relay);
    using _ = reloadOnChange(reloadTask(relay, flags, options.files, log));
    process.stdout.write(`relay listening on ${relay.url}${admin}\n`);
    await stopped;
    return 0;
  } catch (error) {
    const failure = asHeddleError(error);
    log.error(failure.message);
    return exitCodeOf(failure.code);
  }
}

function warnWhenOpen({ url }: RunningRelay, { insecureOpen, upstreams }: RelayOptions, log: Log): void {
  if (insecureOpen !== true) return;
  const reach = upstreams.join(' and ');
  log.warning(`WARNING: this relay is OPEN: whoever reaches ${url} can use ${reach} through it`);
}

function reloadTask(relay: RunningRelay, flags: RelayFlags, files: readonly string[], log: Log): ReloadTask {
  return {
    files,
    reload: async () => {
      const options = await relayOptions(flags);
      const applied = await relay.reconfigure(options);
      if (applied.changed.includes('insecureOpen')) warnWhenOpen(relay, options, log);
      return { ...applied, files: options.files };
    },
    say: log.info,
    complain: log.warning,
    counted: relay.reloaded,
  };
}

/** An open relay has no use for what checks tokens, and no memory to spare for it. */
async function loadTokenCheck({ tokenKeys, audience, limits }: ResolvedOptions): Promise<TokenCheck | undefined> {
  if (tokenKeys === undefined) return undefined;
  const { createTokenCheck } = await import('../protocol/access/token-check.ts');
  const maxEntries = limits.tokenCacheEntries;
  return createTokenCheck({ keys: tokenKeys, audience: audience ?? AUDIENCES.relay, maxEntries });
}

async function untilStopped(relay: RunningRelay): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    signals += 1;
    // A person at the keyboard has no balancer to give notice to; a second signal means now.
    const times = signals > 1 ? { noticeMs: 0, deadlineMs: 0 } : signal === 'SIGINT' ? { noticeMs: 0 } : {};
    relay.close(times).then(resolve, reject);
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  try {
    await promise;
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  }
}

function statusOf({ admission, sessions, buffers, upstreams, isReady }: RelayContext): RelayStatus {
  return {
    ready: isReady(),
    open: admission.open,
    sessions: [...sessions].map(({ upstreamName, heldBytes, peakHeldBytes }) => {
      return { upstream: upstreamName, heldBytes, peakHeldBytes };
    }),
    bufferBytes: buffers.takenBytes,
    warmConnections: Object.fromEntries(
      [...upstreams].map(([name, { warm }]: [string, Upstream]) => [name, warm.ready]),
    ),
  };
}
