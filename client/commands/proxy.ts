// `heddle proxy`: flags and configuration file to a running local proxy, until it is told to stop.
import { HeddleError } from '../../protocol/errors.ts';
import { parseAmount } from '../../protocol/settings/amount.ts';
import { openLog } from '../../protocol/settings/log.ts';
import type { Log, LogFlags } from '../../protocol/settings/log.ts';
import { parseAddress } from '../../protocol/settings/text.ts';
import { clientOptions, controlWishes, metricsWishes } from '../config.ts';
import type { ClientFlags, ControlFlags } from '../config.ts';
import type { RunningControl } from '../control.ts';
import { configuredSites } from '../intercept/configuration.ts';
import { knownOriginsPath } from '../io/known-origins.ts';
import type { RunningMetrics } from '../metrics.ts';
import { isLoopback } from '../loopback.ts';
import { startProxy } from '../proxy/server.ts';
import type { RunningProxy } from '../proxy/server.ts';

export type ProxyFlags = Pick<
  ClientFlags,
  'route' | 'config' | 'originKey' | 'tokenFile' | 'ca' | 'clientCert' | 'clientKey'
> &
  ControlFlags &
  LogFlags & {
    readonly listen: string;
    readonly origin?: readonly string[];
    readonly allowHost?: readonly string[];
    readonly insecureOpen?: boolean;
    readonly admin?: string;
    readonly drain?: string;
  };

/** What is under way when it shall end may take so long, ms: below the 30 s that Kubernetes gives. */
const DRAIN_MS = 20_000;
const MOST_DRAIN_MS = 3_600_000;

/**
 * Runs the command until SIGINT or SIGTERM and what is under way then is done; returns the exit code. Throws `usage`,
 * `bad-configuration`, `local-io`.
 */
export async function proxy(flags: ProxyFlags): Promise<number> {
  const log = openLog('heddle', flags, process.env);
  const { host, port } = checkedAddress(flags);
  const drainMs = drainTime(flags);
  const {
    root,
    mirrors: _mirrors,
    ...client
  } = await clientOptions(flags, process.env, ({ message }) => log.warning(message));
  await using control = await controlOf(flags);
  const tracked = control === undefined ? {} : { transfers: control.transfers };
  const common = { knownOrigins: knownOriginsPath(), ...client, ...tracked };
  if (root !== undefined)
    throw new HeddleError('bad-configuration', 'a root is of one object; write originKey instead');
  using discovery = client.discovery;
  await discovery?.start();
  const named = (flags.origin ?? []).map((origin) => ({ ...common, origin }));
  const shown = client.tls === undefined ? {} : { tls: client.tls };
  const inFile = (await configuredSites(flags.config, process.env, discovery)).map((site) => ({
    ...site,
    ...tracked,
    ...shown,
  }));
  const origins = [...inFile.filter(({ origin }) => !flags.origin?.includes(origin)), ...named];
  const objects = common.routes.length > 0 || (discovery?.routes().length ?? 0) > 0 ? common : undefined;
  if (origins.length === 0 && objects === undefined) {
    throw new HeddleError(
      'usage',
      'there is nothing to split: give --origin and --route, or a --config with "origins"',
    );
  }
  await using metrics = await metricsOf(flags);
  await using running = await startProxy({
    host,
    port,
    origins,
    objects,
    allowHosts: flags.allowHost ?? [],
    requests: control?.transfers.requests,
  });
  if (!isLoopback(host)) log.warning(`whoever reaches ${host} can use this proxy for anything`);
  if (control !== undefined) log.info(control.line);
  // before it says that it is there: whoever waited for that may want it to stop
  const told = toldToStop();
  const what = origins.map(({ origin }) => origin).join(', ');
  const admin = metrics === undefined ? '' : ` (admin on ${metrics.url})`;
  process.stdout.write(`proxy listening on ${running.url}${admin}${what === '' ? '' : `, splitting ${what}`}\n`);
  const hurried = await told;
  metrics?.notReady();
  await finish(running, drainMs, hurried, log);
  return 0;
}

/** Serves metrics where the flag, or else the file, says; the admin address is announced like those of other roles. */
async function metricsOf({ admin, config }: ProxyFlags): Promise<RunningMetrics | undefined> {
  const address = admin === undefined ? (await metricsWishes(config)).admin : parseAddress(admin);
  if (address === undefined && admin === undefined) return undefined;
  if (address === undefined) throw new HeddleError('usage', `--admin takes HOST:PORT, not "${admin}"`);
  const { startMetrics } = await import('../metrics.ts');
  return startMetrics(address);
}

/** Only a flag or the file can want it: nothing of it is loaded without. */
async function controlOf(flags: ProxyFlags): Promise<RunningControl | undefined> {
  const wishes = await controlWishes(flags);
  if (flags.ui === undefined && wishes.listen === undefined) return undefined;
  const { startControl } = await import('../control.ts');
  return startControl(wishes);
}

function checkedAddress({ listen, insecureOpen }: ProxyFlags): { host: string; port: number } {
  const address = parseAddress(listen);
  if (address === undefined) throw new HeddleError('usage', `--listen takes HOST:PORT, not "${listen}"`);
  if (isLoopback(address.host) || insecureOpen === true) return address;
  throw new HeddleError(
    'bad-configuration',
    `${address.host} is more than this machine, and a proxy does what anybody asks; listen on 127.0.0.1, or say --insecure-open`,
  );
}

/** What is under way gets the time to be done, until the deadline or a second signal. */
async function finish(running: RunningProxy, deadlineMs: number, hurried: AbortSignal, log: Log): Promise<void> {
  const under = running.underWay();
  if (under > 0) {
    const what = under === 1 ? 'a request is' : `${under} requests are`;
    log.info(`${what} under way and may take ${deadlineMs / 1_000} s; a second signal ends them`);
  }
  await running.drain(AbortSignal.any([hurried, AbortSignal.timeout(deadlineMs)]));
}

function drainTime({ drain }: ProxyFlags): number {
  if (drain === undefined) return DRAIN_MS;
  const ms = parseAmount(drain, 'ms');
  if (ms !== undefined && ms <= MOST_DRAIN_MS) return ms;
  throw new HeddleError('usage', `--drain cannot be "${drain}"; write a time such as 20s or 5min`);
}

/** Settles with the first signal to end; what it gives aborts with the second. */
function toldToStop(): Promise<AbortSignal> {
  const { promise, resolve } = Promise.withResolvers<AbortSignal>();
  const hurry = new AbortController();
  let signals = 0;
  const take = (): void => {
    signals += 1;
    if (signals > 1) hurry.abort();
    resolve(hurry.signal);
  };
  process.on('SIGINT', take).on('SIGTERM', take);
  return promise;
}
