// `heddle get`: flags to a transfer, progress, the closing line, the exit code. With --json one object per line on
// standard output (standard error when the bytes go to standard output).
import { setFlagsFromString } from 'node:v8';
import { asHeddleError, exitCodeOf, HeddleError } from '../../protocol/errors.ts';
import { createClient } from '../client.ts';
import type { Client, RunningTransfer, TransferOptions } from '../client.ts';
import { clientOptions, controlWishes, metricsWishes } from '../config.ts';
import type { ClientFlags, ControlFlags } from '../config.ts';
import type { RunningControl } from '../control.ts';
import type { EarlyDials } from '../io/dial.ts';
import { knownOriginsPath } from '../io/known-origins.ts';
import { writableSink } from '../io/ordered-sink.ts';
import type { RouteReport, SessionReport, Vouching } from '../io/report.ts';
import type { MetricsFile } from '../metrics/metrics-file.ts';
import { isUrl, mirrorOfUrl, parseMirrorArgument } from '../mirrors.ts';
import type { ByteRange } from '../options.ts';
import { showProgress } from './progress.ts';
import { complain, errorLine, formatBytes, formatRate } from './terminal.ts';

export type GetFlags = ClientFlags &
  ControlFlags & {
    readonly output: string;
    readonly mirror?: readonly string[];
    readonly checksum?: string;
    readonly range?: string;
    readonly ifChanged?: string;
    readonly json?: boolean;
    readonly quiet?: boolean;
    readonly metricsFile?: string;
  };

const PROGRESS_JSON_MS = 500;

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
    if (flags.ui !== undefined) {
      const { startControl } = await import('../control.ts');
      control = await startControl(await controlWishes(flags));
    }
    if (say !== undefined && control !== undefined) say({ type: 'ui', url: control.url });
    else if (control !== undefined) process.stderr.write(`heddle: ${control.line}\n`);
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
    const said = await clientOptions(flags, process.env, warn);
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
    metrics = await metricsFileOf(flags);
    const running = start(client, key, flags.output, transfer);
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

/** Counts into a file, where one is wanted. */
async function metricsFileOf({ config, metricsFile }: GetFlags): Promise<MetricsFile | undefined> {
  const path = metricsFile ?? (await metricsWishes(config)).metricsFile;
  if (path === undefined) return undefined;
  const { openMetricsFile } = await import('../metrics/metrics-file.ts');
  return openMetricsFile(path);
}

/** The last line of --json. */
function doneLine(report: SessionReport): Record<string, unknown> {
  return {
    type: 'done',
    key: report.key,
    bytes: report.bytes,
    resumedBytes: report.resumedBytes,
    seconds: seconds(report.elapsedMs),
    ...vouchingLine(report.vouching),
    patterns: report.patterns,
    wasteBytes: report.wasteBytes,
    hedges: report.hedges,
    firstByteSeconds: report.firstByteMs === undefined ? null : seconds(report.firstByteMs),
    routes: routeLines(report),
  };
}

/** What vouches for the bytes; `checks` only where that is not each segment's proof. */
function vouchingLine({ verified, root, checks }: Vouching): Record<string, unknown> {
  const proven = checks.length === 1 && checks[0] === 'pages';
  return { root: root ?? null, verified, ...(proven ? {} : { checks }) };
}

function start(client: Client, key: string, output: string, transfer: TransferOptions): RunningTransfer {
  if (output !== '-') return client.download(key, output, transfer);
  return client.into(key, writableSink(process.stdout, { endStream: false }), transfer);
}

async function follow(
  running: RunningTransfer,
  flags: GetFlags,
  say: ((line: Record<string, unknown>) => void) | undefined,
): Promise<SessionReport> {
  const look = (): SessionReport | undefined => {
    try {
      return running.report();
    } catch {
      return undefined;
    }
  };
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

function jsonWriter(flags: GetFlags): ((line: Record<string, unknown>) => void) | undefined {
  if (flags.json !== true) return undefined;
  const stream = flags.output === '-' ? process.stderr : process.stdout;
  return (line) => stream.write(`${JSON.stringify(line)}\n`);
}

function choiceOf(ifChanged: string): 'restart' | 'fail' {
  if (ifChanged === 'restart' || ifChanged === 'fail') return ifChanged;
  throw new HeddleError('usage', `--if-changed is restart or fail, not "${ifChanged}"`);
}

function parseRange(text: string): ByteRange {
  const match = /^(\d+)-(\d*)$/.exec(text);
  if (match === null) throw new HeddleError('usage', `a range is written A-B or A-, not "${text}"`);
  const first = Number(match[1]);
  return match[2] === '' ? { first } : { first, last: Number(match[2]) };
}

function progressLine(report: SessionReport): Record<string, unknown> {
  const { bytes, receivedBytes, patterns } = report;
  return {
    type: 'progress',
    bytes,
    receivedBytes,
    patterns,
    seconds: seconds(report.elapsedMs),
    routes: routeLines(report),
  };
}

function routeLines(report: SessionReport): Record<string, unknown>[] {
  return report.routes.map((route) => ({
    name: route.name,
    bytes: route.payloadBytes,
    segments: route.segments,
    share: Number(route.share.toFixed(4)),
    corrupt: route.corrupt,
    state: route.state,
    rateBytesPerSecond: Math.round(route.rateBytesPerSecond),
    rttSeconds: seconds(route.rttMs),
    ...(route.state === 'active' || route.reason === undefined ? {} : { reason: route.reason, why: route.why }),
  }));
}

function summary(report: SessionReport): string {
  const rate = formatRate((1_000 * (report.bytes ?? 0)) / Math.max(1, report.elapsedMs));
  const shares = report.routes.map(shareOf).join(', ');
  const { verified, checks } = report.vouching;
  const how = verified ? 'verified in' : 'in';
  const line = `${formatBytes(report.bytes ?? 0)} ${how} ${seconds(report.elapsedMs)} s (${rate}): ${shares}`;
  return verified ? line : `${line}\nNOT VERIFIED: ${doubt(checks)}; give --root or --checksum to be sure`;
}

/** A dropped mirror's share says nothing; why it was dropped does. */
function shareOf({ name, share, state, why }: RouteReport): string {
  const dropped = state === 'excluded' && why !== undefined ? ` (dropped: ${why})` : '';
  return `${name} ${Math.round(100 * share)}%${dropped}`;
}

/** What is known of bytes that nothing proves. */
function doubt(checks: Vouching['checks']): string {
  if (checks.includes('digest')) return 'the bytes have only the checksum that their own server announced';
  if (checks.includes('etag')) return 'the mirrors agree on size, ETag and samples, and nothing proves the bytes';
  if (checks.includes('size')) return 'the mirrors agree on size and samples, and nothing proves the bytes';
  return 'nothing proves what the mirror sent';
}

function seconds(ms: number): number {
  return Number((ms / 1_000).toFixed(3));
}
