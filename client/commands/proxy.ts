// `heddle proxy`: flags and configuration file to a running local proxy, until it is told to stop.
import { HeddleError } from '../../protocol/errors.ts';
import { openLog } from '../../protocol/settings/log.ts';
import type { Log, LogFlags } from '../../protocol/settings/log.ts';
import { reloadOnChange } from '../../protocol/settings/reload.ts';
import type { ReloadTask } from '../../protocol/settings/reload.ts';
import { parseAddress } from '../../protocol/settings/text.ts';
import { clientSources, controlWishes } from '../config.ts';
import type { ClientSources, ControlFlags } from '../config.ts';
import type { RunningControl } from '../control.ts';
import type { RunningMetrics } from '../metrics.ts';
import { isLoopback } from '../loopback.ts';
import { startProxy } from '../proxy/server.ts';
import type { RunningProxy } from '../proxy/server.ts';
import { readProxy } from './proxy-reading.ts';
import type { ProxyReading, ProxyReadingContext, ProxyReadingFlags } from './proxy-reading.ts';

export type ProxyFlags = ProxyReadingFlags &
  ControlFlags &
  LogFlags & {
    readonly listen: string;
    readonly allowHost?: readonly string[];
    readonly insecureOpen?: boolean;
  };

/**
 * Runs the command until SIGINT or SIGTERM and what is under way then is done; returns the exit code. Throws `usage`,
 * `bad-configuration`, `local-io`.
 */
export async function proxy(flags: ProxyFlags): Promise<number> {
  const log = openLog('heddle', flags, process.env);
  const { host, port } = checkedAddress(flags);
  const sources = await clientSources(flags.config);
  await using control = await controlOf(flags, sources);
  const context: ProxyReadingContext = {
    transfers: control?.transfers,
    warning: ({ message }) => log.warning(message),
  };
  const current = { reading: await readProxy(flags, context, undefined, { sources }) };
  using _search = { [Symbol.dispose]: () => current.reading.discovery?.[Symbol.dispose]() };
  await using metrics = await metricsOf(flags, sources);
  await using running = await startProxy({
    host,
    port,
    ...current.reading.splits,
    allowHosts: flags.allowHost ?? [],
    requests: control?.transfers.requests,
  });
  if (!isLoopback(host)) log.warning(`whoever reaches ${host} can use this proxy for anything`);
  if (control !== undefined) log.info(control.line);
  // before it says that it is there: whoever waited for that may want it to stop
  const told = toldToStop();
  const task = reloadTask(running, flags, context, current, log);
  // without a file there is nothing to read again, and a terminal that is closed ends it
  using _ = task.files.length === 0 ? undefined : reloadOnChange({ ...task, counted: counterOf(metrics) });
  const what = current.reading.splits.origins.map(({ origin }) => origin).join(', ');
  const admin = metrics === undefined ? '' : ` (admin on ${metrics.url})`;
  process.stdout.write(`proxy listening on ${running.url}${admin}${what === '' ? '' : `, splitting ${what}`}\n`);
  const hurried = await told;
  metrics?.notReady();
  await finish(running, current.reading.drainMs, hurried, log);
  return 0;
}

function reloadTask(
  running: RunningProxy,
  flags: ProxyReadingFlags,
  context: ProxyReadingContext,
  current: { reading: ProxyReading },
  log: Log,
): Omit<ReloadTask, 'counted'> {
  const reload: ReloadTask['reload'] = async () => {
    const before = current.reading;
    const reading = await readProxy(flags, context, before);
    const { applied, files } = reading;
    const isOther = reading.discovery !== before.discovery;
    try {
      if (applied.changed.length > 0) {
        const { over } = running.reconfigure(reading.splits);
        const endSearch = (): void => (isOther ? before.discovery?.[Symbol.dispose]() : undefined);
        // transfers that began before may still be joined by routes that are found
        over.then(endSearch, endSearch);
      }
    } catch (error) {
      if (isOther) reading.discovery?.[Symbol.dispose]();
      throw error;
    }
    current.reading = reading;
    return { ...applied, files };
  };
  return { files: current.reading.files, reload, say: log.info, complain: log.warning };
}

function counterOf(metrics: RunningMetrics | undefined): ReloadTask['counted'] {
  return metrics?.withReloads() ?? (() => {});
}

/** Serves metrics where the flag, or else the file, says; the admin address is announced like those of other roles. */
async function metricsOf({ admin }: ProxyFlags, sources: ClientSources): Promise<RunningMetrics | undefined> {
  const address = admin === undefined ? sources?.values.admin : parseAddress(admin);
  if (address === undefined && admin === undefined) return undefined;
  if (address === undefined) throw new HeddleError('usage', `--admin takes HOST:PORT, not "${admin}"`);
  const { startMetrics } = await import('../metrics.ts');
  return startMetrics(address);
}

/** Only a flag or the file can want it: nothing of it is loaded without. */
async function controlOf(flags: ProxyFlags, sources: ClientSources): Promise<RunningControl | undefined> {
  const wishes = controlWishes(flags, sources);
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
