// `heddle proxy`: flags and configuration file to a running local proxy, until it is told to stop.
import { HeddleError } from '../../protocol/errors.ts';
import { parseAddress } from '../../protocol/settings/text.ts';
import { clientOptions, controlWishes, metricsWishes } from '../config.ts';
import type { ClientFlags, ControlFlags } from '../config.ts';
import type { RunningControl } from '../control.ts';
import { configuredSites } from '../intercept/configuration.ts';
import { knownOriginsPath } from '../io/known-origins.ts';
import type { RunningMetrics } from '../metrics.ts';
import { isLoopback } from '../loopback.ts';
import { startProxy } from '../proxy/server.ts';

export type ProxyFlags = Pick<
  ClientFlags,
  'route' | 'config' | 'originKey' | 'tokenFile' | 'ca' | 'clientCert' | 'clientKey'
> &
  ControlFlags & {
    readonly listen: string;
    readonly origin?: readonly string[];
    readonly allowHost?: readonly string[];
    readonly insecureOpen?: boolean;
    readonly admin?: string;
  };

/** Runs the command until SIGINT or SIGTERM; returns the exit code. Throws `usage`, `bad-configuration`, `local-io`. */
export async function proxy(flags: ProxyFlags): Promise<number> {
  const { host, port } = checkedAddress(flags);
  const { root, mirrors: _mirrors, ...client } = await clientOptions(flags);
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
  await using running = await startProxy({ host, port, origins, objects, allowHosts: flags.allowHost ?? [] });
  if (!isLoopback(host)) process.stderr.write(`heddle: whoever reaches ${host} can use this proxy for anything\n`);
  if (control !== undefined) process.stderr.write(`heddle: ${control.line}\n`);
  // before it says that it is there: whoever waited for that may want it to stop
  const ended = stopped();
  const what = origins.map(({ origin }) => origin).join(', ');
  const admin = metrics === undefined ? '' : ` (admin on ${metrics.url})`;
  process.stdout.write(`proxy listening on ${running.url}${admin}${what === '' ? '' : `, splitting ${what}`}\n`);
  await ended;
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

function stopped(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve());
  return promise;
}
