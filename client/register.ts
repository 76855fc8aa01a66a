// `node --import heddle/register app.js`: intercepts the requests of a program that knows nothing of it. HEDDLE_CONFIG
// names the configuration file; what is wrong with it ends the program before it begins, with one line. The file is read
// again when it has changed, or one that it names; a mistake then keeps what was read before. Signals are the program's own.
import './older-node.ts';
import { asHeddleError, exitCodeOf, HeddleError } from '../protocol/errors.ts';
import { openLog } from '../protocol/settings/log.ts';
import { reloadOnChange } from '../protocol/settings/reload.ts';
import { complain } from './commands/terminal.ts';
import { clientSources, controlWishes } from './config.ts';
import type { ClientSources } from './config.ts';
import type { RunningControl } from './control.ts';
import { install } from './interceptor.ts';
import { LiveSites } from './live-sites.ts';
import type { RunningMetrics } from './metrics.ts';
import { readClient } from './reading.ts';
import type { ClientReading } from './reading.ts';

try {
  await register(process.env['HEDDLE_CONFIG'] ?? '');
} catch (error) {
  const known = asHeddleError(error);
  complain(known);
  // oxlint-disable-next-line unicorn/no-process-exit -- an error thrown here would be a stack trace to the user
  process.exit(exitCodeOf(known.code));
}

async function register(config: string): Promise<void> {
  if (config === '') {
    throw new HeddleError(
      'bad-configuration',
      'HEDDLE_CONFIG names no configuration file; set it to one with "origins"',
    );
  }
  const log = openLog('heddle', {}, process.env);
  const read = async (before?: ClientReading, said?: { readonly sources: ClientSources }): Promise<ClientReading> => {
    const context = {
      warning: ({ message }: HeddleError) => log.warning(message),
      fixed: ['admin', 'control'] as const,
      unused: ['mirrors', 'metricsFile', 'drainMs'] as const,
    };
    const reading = await readClient({ config }, context, before, said);
    if (reading.sites.length > 0) return reading;
    if (reading.discovery !== before?.discovery) reading.discovery?.[Symbol.dispose]();
    throw new HeddleError('bad-configuration', `${config} names no "origins", so that nothing would be intercepted`);
  };
  const sources = await clientSources(config);
  let current = await read(undefined, { sources });
  const metrics = await openMetrics(sources);
  const control = await openControl(sources);
  const tracked = control === undefined ? {} : { transfers: control.transfers };
  const live = new LiveSites();
  const sitesOf = ({ sites }: ClientReading): ReturnType<LiveSites['adopt']> =>
    live.adopt(sites.map((site) => ({ ...site, ...tracked })));
  const installed = install({ origins: sitesOf(current) });
  const counted = metrics?.withReloads();
  reloadOnChange({
    files: current.files,
    heedsSignal: false,
    say: log.info,
    complain: log.warning,
    counted: (applied) => counted?.(applied),
    reload: async () => {
      const before = current;
      const reading = await read(before);
      const isOther = reading.discovery !== before.discovery;
      try {
        if (reading.applied.changed.length > 0) installed.reconfigure({ origins: sitesOf(reading) });
      } catch (error) {
        if (isOther) reading.discovery?.[Symbol.dispose]();
        throw error;
      }
      // who began by it is joined by what the next one finds
      if (isOther) before.discovery?.[Symbol.dispose]();
      current = reading;
      return { ...reading.applied, files: reading.files };
    },
  });
}

/** The second of two programs goes without: that they run matters more. */
async function openMetrics(sources: ClientSources): Promise<RunningMetrics | undefined> {
  const admin = sources?.values.admin;
  if (admin === undefined) return undefined;
  const { startMetrics } = await import('./metrics.ts');
  return startMetrics(admin).catch(withoutIt);
}

async function openControl(sources: ClientSources): Promise<RunningControl | undefined> {
  const wishes = controlWishes({}, sources);
  if (wishes.listen === undefined) return undefined;
  const { startControl } = await import('./control.ts');
  const opened = await startControl({ ...wishes, keepsRunning: false }).catch(withoutIt);
  if (opened !== undefined) process.stderr.write(`heddle: ${opened.line}\n`);
  return opened;
}

function withoutIt(error: unknown): undefined {
  complain(asHeddleError(error));
}
