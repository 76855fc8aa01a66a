// `heddle get`: flags to a transfer, progress, the closing line, the exit code. With --json one object per line on
// standard output (standard error when the bytes go to standard output).
import { setFlagsFromString } from 'node:v8';
import { asHeddleError, exitCodeOf, HeddleError } from '../../protocol/errors.ts';
import { parseAmount } from '../../protocol/settings/amount.ts';
import { createClient } from '../client.ts';
import type { Client, RunningTransfer, TransferOptions } from '../client.ts';
import { clientOptions, controlWishes, metricsWishes } from '../config.ts';
import type { ClientFlags, ControlFlags } from '../config.ts';
import type { RunningControl } from '../control.ts';
import type { EarlyDials } from '../io/dial.ts';
import { knownOriginsPath } from '../io/known-origins.ts';
import { writableSink } from '../io/ordered-sink.ts';
import type { SessionReport } from '../io/report.ts';
import type { MetricsFile } from '../metrics/metrics-file.ts';
import { isUrl, mirrorOfUrl, parseMirrorArgument } from '../mirrors.ts';
import type { ByteRange } from '../options.ts';
import { withEnvironmentProxy } from '../outer-proxy.ts';
import { showProgress } from './progress.ts';
import { doneLine, progressLine, summary } from './report-lines.ts';
import { complain, errorLine } from './terminal.ts';

export type GetFlags = ClientFlags &
  ControlFlags & {
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

/** Between two lines of progress with --json, ms. */
export const PROGRESS_JSON_MS: number = 500;

/** Runs the command; returns the exit code. `early`: connections to the routes that were dialled ahead. */
export async function get(key: string, flags: GetFlags, early?: EarlyDials): Promise<number> {
  // what a transfer throws away is young and small; a nursery that grows to its default takes 60 MB and saves no time
  setFlagsFromString('--semi-space-growth-factor=1');
  const stopped = new AbortController();
  const interrupt = (): void => stopped.abort(new Error('interrupted'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const say = jsonWriter(flags);
  const quiet = flags.json === true || flags.quiet === true;
  const warn = (error: HeddleError): void => void (quiet || process.stderr.write(`heddle: ${error.message}\n`));
  let metrics: MetricsFile | undefined;
  let control: RunningControl | undefined;
  try {
    control = await openControl(flags, say);
    const named = (flags.mirror ?? []).map(parseMirrorArgument);
    const mirrors = isUrl(key)
      ? [
          mirrorOfUrl(
            key,
            named.map(({ name }) => name),
          ),
          ...named,
        ]
      : named;
    const said = withEnvironmentProxy(await clientOptions(flags, process.env, warn), process.env);
    const options = {
      knownOrigins: knownOriginsPath(),
      ...said,
      // a flag's mirror takes the place of the file's of its name
      mirrors: [
        ...(said.mirrors ?? []).filter(({ name }) => !mirrors.some((other) => other.name === name)),
        ...mirrors,
      ],
      ...(control === undefined ? {} : { transfers: control.transfers }),
    };
    using discovery = options.discovery;
    const found = discovery?.start();
    // what is found later joins
    if (options.routes.length + options.mirrors.length === 0) await found;
    const client = createClient(options);
    const transfer: TransferOptions = {
      signal: stopped.signal,
      early,
      ...(flags.ifChanged === undefined ? {} : { ifChanged: choiceOf(flags.ifChanged) }),
      observer: { warning: warn },
      ...(flags.checksum === undefined ? {} : { checksum: flags.checksum }),
      ...(flags.range === undefined ? {} : { range: parseRange(flags.range) }),
    };
    const maxRate = flags.maxRate === undefined ? undefined : rateOf(flags.maxRate);
    metrics = await metricsFileOf(flags);
    const running = start(client, key, flags.output, transfer);
    if (maxRate !== undefined) running.limitRate(maxRate);
    const report = await follow(running, flags, say);
    say?.(doneLine(report));
    if (!quiet) process.stderr.write(`${summary(report)}\n`);
    return 0;
  } catch (error) {
    const known = asHeddleError(error);
    say?.(errorLine(known));
    if (flags.json !== true) complain(known);
    return exitCodeOf(known.code);
  } finally {
    await metrics?.close().catch((error: unknown) => warn(asHeddleError(error)));
    await control?.[Symbol.asyncDispose]();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

/** The page to watch and steer with, where one is wanted. */
export async function openControl(flags: GetFlags, say: Say | undefined): Promise<RunningControl | undefined> {
  if (flags.ui === undefined) return undefined;
  const { startControl } = await import('../control.ts');
  const control = await startControl(await controlWishes(flags));
  if (say === undefined) process.stderr.write(`heddle: ${control.line}\n`);
  else say({ type: 'ui', url: control.url });
  return control;
}

/** Counts into a file, where one is wanted. */
export async function metricsFileOf({ config, metricsFile }: GetFlags): Promise<MetricsFile | undefined> {
  const path = metricsFile ?? (await metricsWishes(config)).metricsFile;
  if (path === undefined) return undefined;
  const { openMetricsFile } = await import('../metrics/metrics-file.ts');
  return openMetricsFile(path);
}

function rateOf(text: string): number {
  const rate = parseAmount(text, 'bytes/s');
  if (rate !== undefined && rate >= 1) return rate;
  throw new HeddleError('usage', `--max-rate cannot be "${text}"; write a rate such as 10MB/s or 100Mbit/s`);
}

function start(client: Client, key: string, output: string, transfer: TransferOptions): RunningTransfer {
  if (output !== '-') return client.download(key, output, transfer);
  return client.into(key, writableSink(process.stdout, { endStream: false }), transfer);
}

/** A picture of a transfer; undefined before it has begun. */
export function reportOf(running: RunningTransfer): SessionReport | undefined {
  try {
    return running.report();
  } catch {
    return undefined;
  }
}

async function follow(running: RunningTransfer, flags: GetFlags, say: Say | undefined): Promise<SessionReport> {
  const look = (): SessionReport | undefined => reportOf(running);
  const progress = flags.json === true || flags.quiet === true ? undefined : showProgress(look);
  const timer = setInterval(() => {
    const report = look();
    if (report !== undefined) say?.(progressLine(report));
  }, PROGRESS_JSON_MS);
  try {
    return await running.done;
  } finally {
    clearInterval(timer);
    progress?.stop();
  }
}

/** Takes a line of --json. */
export type Say = (line: Record<string, unknown>) => void;

/** Where --json goes; undefined without it. */
export function jsonWriter(flags: GetFlags): Say | undefined {
  if (flags.json !== true) return undefined;
  const stream = flags.output === '-' ? process.stderr : process.stdout;
  return (line) => stream.write(`${JSON.stringify(line)}\n`);
}

/** What --if-changed says. */
export function choiceOf(ifChanged: string): 'restart' | 'fail' {
  if (ifChanged === 'restart' || ifChanged === 'fail') return ifChanged;
  throw new HeddleError('usage', `--if-changed is restart or fail, not "${ifChanged}"`);
}

function parseRange(text: string): ByteRange {
  const match = /^(\d+)-(\d*)$/.exec(text);
  if (match === null) throw new HeddleError('usage', `a range is written A-B or A-, not "${text}"`);
  const first = Number(match[1]);
  return match[2] === '' ? { first } : { first, last: Number(match[2]) };
}
