// `heddle get`: flags to a transfer, progress, the closing line, the exit code. With --json one object per line on
// standard output (standard error when the bytes go to standard output). What surrounds it is get-frame.ts.
import { HeddleError } from '../../protocol/errors.ts';
import { parseAmount } from '../../protocol/settings/amount.ts';
import type { Client, RunningTransfer, TransferOptions } from '../client.ts';
import type { EarlyDials } from '../io/dial.ts';
import { writableSink } from '../io/ordered-sink.ts';
import type { SessionReport } from '../io/report.ts';
import { isUrl, mirrorOfUrl, parseMirrorArgument } from '../mirrors.ts';
import type { ByteRange, ClientOptions } from '../options.ts';
import { framed } from './get-frame.ts';
import type { GetFlags, Say } from './get-frame.ts';
import { showProgress } from './progress.ts';
import { doneLine, progressLine, summary } from './report-lines.ts';

/** Between two lines of progress with --json, ms. */
export const PROGRESS_JSON_MS: number = 500;

/** Runs the command; returns the exit code. `early`: connections to the routes that were dialled ahead. */
export function get(key: string, flags: GetFlags, early?: EarlyDials): Promise<number> {
  return framed(flags, early, async (frame) => {
    const { say, quiet } = frame;
    const client = await frame.client(withMirrors(key, flags, frame.options));
    const transfer: TransferOptions = {
      ...frame.transfer,
      alone: true,
      ...(flags.checksum === undefined ? {} : { checksum: flags.checksum }),
      ...(flags.range === undefined ? {} : { range: parseRange(flags.range) }),
    };
    const maxRate = flags.maxRate === undefined ? undefined : rateOf(flags.maxRate);
    await frame.count();
    const running = start(client, key, flags.output, transfer);
    if (maxRate !== undefined) running.limitRate(maxRate);
    const report = await follow(running, flags, say);
    say?.(doneLine(report));
    if (!quiet) process.stderr.write(`${summary(report)}\n`);
    return 0;
  });
}

/** A flag's mirror takes the place of the file's of its name; a URL in the place of the key is the first. */
function withMirrors(key: string, flags: GetFlags, options: ClientOptions): ClientOptions {
  const named = (flags.mirror ?? []).map(parseMirrorArgument);
  const names = named.map(({ name }) => name);
  const mirrors = isUrl(key) ? [mirrorOfUrl(key, names), ...named] : named;
  const others = (options.mirrors ?? []).filter(({ name }) => !mirrors.some((other) => other.name === name));
  return { ...options, mirrors: [...others, ...mirrors] };
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

function parseRange(text: string): ByteRange {
  const match = /^(\d+)-(\d*)$/.exec(text);
  if (match === null) throw new HeddleError('usage', `a range is written A-B or A-, not "${text}"`);
  const first = Number(match[1]);
  return match[2] === '' ? { first } : { first, last: Number(match[2]) };
}
