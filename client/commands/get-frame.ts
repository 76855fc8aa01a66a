// The frame of `heddle get`, of one object as of several: what interrupts it, where its lines go, the page and the counts
// beside it, and how a failure becomes a line and an exit code. What is fetched, and what is said of it, is others' business.
import { asHeddleError, exitCodeOf, HeddleError } from '../../protocol/errors.ts';
import { openLog } from '../../protocol/settings/log.ts';
import type { Log, LogFlags } from '../../protocol/settings/log.ts';
import { createClient } from '../client.ts';
import type { Client, TransferOptions } from '../client.ts';
import { clientSources, controlWishes, optionsFrom } from '../config.ts';
import type { ClientFlags, ClientSources, ControlFlags } from '../config.ts';
import type { RunningControl } from '../control.ts';
import type { EarlyDials } from '../io/dial.ts';
import { knownOriginsPath } from '../io/known-origins.ts';
import type { SessionObserver } from '../io/report.ts';
import type { ClientOptions } from '../options.ts';
import { withEnvironmentProxy } from '../outer-proxy.ts';
import { errorLine, tell } from './terminal.ts';

export type GetFlags = ClientFlags &
  ControlFlags &
  LogFlags & {
    readonly output: string;
    readonly mirror?: readonly string[];
    readonly checksum?: string;
    readonly range?: string;
    readonly maxRate?: string;
    readonly ifChanged?: string;
    readonly json?: boolean;
    readonly quiet?: boolean;
    readonly metricsFile?: string;
    readonly recursive?: boolean;
  };

/** Takes a line of --json. */
export type Say = (line: Record<string, unknown>) => void;

/** What the work finds in its frame. */
export type Frame = {
  /** Where --json goes; undefined without it. */
  readonly say: Say | undefined;
  /** Nothing is said to people on the way. */
  readonly quiet: boolean;
  /** What every transfer is told: its end by a signal, connections dialled ahead, who hears warnings, --if-changed. */
  readonly transfer: TransferOptions & { readonly signal: AbortSignal };
  /** What flags, file and environment say; transfers are shown on the page where one is wanted. */
  readonly options: ClientOptions;
  /** A client. Routes that have to be found are waited for only when there is no other. */
  client(options: ClientOptions): Promise<Client>;
  /** What is transferred from now on is counted, where that is wanted. */
  count(): Promise<void>;
};

/** Runs `work`, and ends what it used; its exit code, or that of what it throws. */
export async function framed(
  flags: GetFlags,
  early: EarlyDials | undefined,
  work: (frame: Frame) => Promise<number>,
): Promise<number> {
  const say = jsonWriter(flags);
  const quiet = flags.json === true || flags.quiet === true;
  const log = openLog('heddle', flags, process.env, { initial: quiet ? 'error' : 'info', write: tell });
  const warn = warningOnce(log);
  await using owned = new AsyncDisposableStack();
  const signal = interruptIn(owned);
  try {
    const ifChanged = flags.ifChanged === undefined ? {} : { ifChanged: choiceOf(flags.ifChanged) };
    const sources = await clientSources(flags.config);
    const control = await openControl(flags, sources, say);
    owned.use(control);
    const tracked = control === undefined ? {} : { transfers: control.transfers };
    const said = withEnvironmentProxy(await optionsFrom(sources, flags, process.env, warn), process.env);
    return await work({
      say,
      quiet,
      transfer: { signal, early, observer: { warning: warn, ...toldTo(log) }, ...ifChanged },
      options: { knownOrigins: knownOriginsPath(), ...said, ...tracked },
      async client(options) {
        const found = owned.use(said.discovery)?.start();
        if (options.routes.length + (options.mirrors ?? []).length === 0) await found;
        return createClient(options);
      },
      count: () => countInto(flags.metricsFile ?? sources?.values.metricsFile, owned, warn),
    });
  } catch (error) {
    const known = asHeddleError(error);
    say?.(errorLine(known));
    const isResumable = known.code === 'aborted' && flags.output !== '-';
    const advice = isResumable ? '; the same command goes on from here' : '';
    if (flags.json !== true) log.error(`${known.message}${advice} (${known.code})`);
    return exitCodeOf(known.code);
  }
}

/** Aborts when the user has enough of it, as long as `owned` lasts. */
function interruptIn(owned: AsyncDisposableStack): AbortSignal {
  const stopped = new AbortController();
  const interrupt = (): void => stopped.abort(new Error('interrupted'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  owned.defer(() => void process.off('SIGINT', interrupt).off('SIGTERM', interrupt));
  return stopped.signal;
}

/** What is wrong for each of several objects is said once. */
function warningOnce(log: Log): (warning: HeddleError) => void {
  const said = new Set<string>();
  return ({ message }) => {
    if (!said.has(message)) log.warning(message);
    said.add(message);
  };
}

/** What only --log-level debug tells: every connection that ends. */
function toldTo({ debug }: Log): SessionObserver {
  if (debug === undefined) return {};
  return { channelClosed: (route, { code, message }) => debug(`a connection of ${route} ended: ${message} (${code})`) };
}

/** The page to watch and steer with, where one is wanted. */
async function openControl(
  flags: GetFlags,
  sources: ClientSources,
  say: Say | undefined,
): Promise<RunningControl | undefined> {
  if (flags.ui === undefined) return undefined;
  const { startControl } = await import('../control.ts');
  const control = await startControl(controlWishes(flags, sources));
  // where it is was asked for, whatever else is to be heard
  if (say === undefined) process.stderr.write(`heddle: ${control.line}\n`);
  else say({ type: 'ui', url: control.url });
  return control;
}

async function countInto(
  path: string | undefined,
  owned: AsyncDisposableStack,
  warn: (warning: HeddleError) => void,
): Promise<void> {
  if (path === undefined) return;
  const { openMetricsFile } = await import('../metrics/metrics-file.ts');
  const metrics = await openMetricsFile(path);
  owned.defer(() => metrics.close().catch((error: unknown) => warn(asHeddleError(error))));
}

function jsonWriter(flags: GetFlags): Say | undefined {
  if (flags.json !== true) return undefined;
  const stream = flags.output === '-' ? process.stderr : process.stdout;
  return (line) => stream.write(`${JSON.stringify(line)}\n`);
}

function choiceOf(ifChanged: string): 'restart' | 'fail' {
  if (ifChanged === 'restart' || ifChanged === 'fail') return ifChanged;
  throw new HeddleError('usage', `--if-changed is restart or fail, not "${ifChanged}"`);
}
