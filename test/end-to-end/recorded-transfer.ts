// One transfer of a 28 MB object over three unlike routes with every frame recorded at two places: `wide`, `middle` and
// `thin` between the client and its links, `origin` between the relays and the origin. Says nothing of what must be.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { elementAt } from '../../protocol/pattern.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { heddle, startProgram } from '../support/program.ts';
import type { Outcome } from '../support/program.ts';
import { startRoutes } from '../support/routes.ts';
import type { RouteShape } from '../support/routes.ts';
import { startOriginProgram } from '../support/servers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { undisturbed, watched } from '../support/undisturbed.ts';
import type { Measured } from '../support/undisturbed.ts';
import { numberOf, WireLog } from '../support/wire-log.ts';
import type { WireLine } from '../support/wire-log.ts';
import { startWireTap } from '../support/wire-tap.ts';

const SIZE = 28_000_000;
export const SEGMENT_BYTES = 32_768;
export const SEGMENTS: number = Math.ceil(SIZE / SEGMENT_BYTES);
export const ROUTES: readonly string[] = ['wide', 'middle', 'thin'];

const SHAPES: readonly RouteShape[] = [
  { name: 'wide', megabitsPerSecond: 64, delayMs: 5 },
  { name: 'middle', megabitsPerSecond: 32, delayMs: 10 },
  { name: 'thin', megabitsPerSecond: 16, delayMs: 20 },
];

/** What is known after a transfer. */
export type RecordedTransfer = {
  readonly outcome: Outcome;
  readonly sent: Buffer;
  readonly received: Buffer;
  readonly log: WireLog;
  /** When the widest and the thinnest route changed places; infinite if they did not. */
  readonly changedAt: number;
};

/** Records one. `swap`: the widest route becomes the thinnest and the other way round when a third has come. */
export function recordTransfer(output: 'file' | 'standard output', swap: boolean): Promise<RecordedTransfer> {
  return undisturbed(() => attempt(output, swap));
}

async function attempt(output: 'file' | 'standard output', swap: boolean): Promise<Measured<RecordedTransfer>> {
  await using folder = await temporaryFolder();
  await mkdir(folder.file('objects'));
  const sent = objectBytes(SIZE, 7);
  await writeFile(folder.file('objects/a.bin'), sent);
  await using origin = await startOriginProgram({ dir: folder.file('objects'), state: folder.file('state') });
  const log = new WireLog();
  await using tap = await startWireTap('origin', origin.port, log);
  await using routes = await startRoutes(SHAPES, tap.url, log);
  // servers that have just started answer the first request late, which makes a route look longer than it is
  await writeFile(folder.file('objects/warm.bin'), objectBytes(1_000_000, 8));
  await heddle(['get', 'warm.bin', '-o', folder.file('warm'), ...routes.arguments]);
  log.clear();
  const target = output === 'file' ? folder.file('out') : '-';
  let changedAt = Number.POSITIVE_INFINITY;
  const { value: outcome, steady } = await watched(log, async () => {
    await using program = startProgram(['get', 'a.bin', '-o', target, '--json', ...routes.arguments]);
    if (swap) {
      await Promise.race([log.segmentsFrom('wide', SEGMENTS / 3), program.ended]);
      routes.all.at(0)?.link.setRate(16);
      routes.all.at(-1)?.link.setRate(64);
      changedAt = performance.now();
    }
    return await program.ended;
  });
  const received = output === 'file' ? await readFile(target) : outcome.stdout;
  return { value: { outcome, sent, received, log, changedAt }, steady };
}

/** The patterns that were sent on `line`, by epoch. */
export function patternsOn(log: WireLog, line: WireLine): Map<number, Pattern> {
  return new Map(log.frames('pattern', line).map(({ frame: { pattern } }) => [pattern.epoch, pattern]));
}

/** A segment that two channels sent in answer to patterns, and for how long the first had been silent when it was dealt anew. */
export type Doubled = {
  readonly index: number;
  readonly holder: number;
  readonly other: number;
  readonly silentMs: number;
};

/** The segments that were answered by pattern more than once. Only a channel that had fallen silent may lose one. */
export function doubledByPattern(log: WireLog): Doubled[] {
  const holders = new Map<number, { line: WireLine; epoch: number }>();
  const answers = log.frames('segment').filter(({ line, frame }) => line.tap === 'origin' && frame.by === 'pattern');
  return answers
    .toSorted((a, b) => a.frame.epoch - b.frame.epoch)
    .flatMap(({ line, frame: { index, epoch } }) => {
      const holder = holders.get(index);
      holders.set(index, { line, epoch });
      if (holder === undefined) return [];
      const [number, other] = [numberOf(holder.line), numberOf(line)];
      const redealt = distinctPatterns(log).find(
        ({ pattern }) => pattern.epoch > holder.epoch && elementAt(pattern, index) === other,
      );
      return [{ index, holder: number, other, silentMs: silenceOf(log, number, redealt?.at ?? 0) }];
    });
}

/** ms since the client last read a segment from a channel, infinite when it was closed. */
function silenceOf(log: WireLog, channel: number, now: number): number {
  const line = log.channels().find((each) => each.tap !== 'origin' && numberOf(each) === channel);
  if (line === undefined || (line.closedAt ?? Number.POSITIVE_INFINITY) < now) return Number.POSITIVE_INFINITY;
  const heard = log.events.findLast((event) => event.line === line && event.frame.type === 'segment' && event.at < now);
  return now - (heard?.at ?? line.openedAt);
}

/** Fractions that sum to one, route by route in the order of ROUTES. */
export type Shares = readonly number[];

/** One modified pattern: what it deals, and what had come over each route shortly before. */
export type Deal = { readonly epoch: number; readonly at: number; readonly dealt: Shares; readonly measured: Shares };

/** Payload that a measurement needs, bytes. */
const MEASURED_BYTES = 1_500_000;

/** The modified patterns before which enough had come to be measured. */
export function dealsOf(log: WireLog): Deal[] {
  const segments = log.frames('segment').filter(({ line }) => line.tap !== 'origin');
  return distinctPatterns(log).flatMap(({ at, pattern }) => {
    const recent = new Map<string, number>();
    let bytes = 0;
    for (const { line, frame } of segments.filter((event) => event.at < at).reverse()) {
      if (bytes >= MEASURED_BYTES) break;
      bytes += frame.payloadBytes;
      recent.set(line.tap, (recent.get(line.tap) ?? 0) + frame.payloadBytes);
    }
    if (bytes < MEASURED_BYTES) return [];
    const elements = [...pattern.lead, ...pattern.cycle];
    const dealt = ROUTES.map((route) => {
      const own = new Set(log.channels(route).map(numberOf));
      return elements.filter((element) => own.has(element)).length;
    });
    const measured = ROUTES.map((route) => recent.get(route) ?? 0);
    return [{ epoch: pattern.epoch, at, dealt: sharesOf(dealt), measured: sharesOf(measured) }];
  });
}

/** Each epoch once, with the time at which its pattern was first sent. */
function distinctPatterns(log: WireLog): { at: number; pattern: Pattern }[] {
  const seen = new Map<number, { at: number; pattern: Pattern }>();
  for (const { at, line, frame } of log.frames('pattern')) {
    if (line.tap === 'origin' || seen.has(frame.pattern.epoch)) continue;
    seen.set(frame.pattern.epoch, { at, pattern: frame.pattern });
  }
  return [...seen.values()];
}

function sharesOf(parts: readonly number[]): Shares {
  const sum = parts.reduce((a, b) => a + b, 0);
  return parts.map((part) => part / sum);
}
