// The promises of patterned delivery, asserted on the wire: a real transfer over three relays, all frames recorded between
// the client and its routes and between the relays and the origin. Nothing here asks the client what it believes.
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeFrame } from '../../protocol/frame-writer.ts';
import { elementAt } from '../../protocol/pattern.ts';
import { numberOf } from '../support/wire-log.ts';
import type { WireLine } from '../support/wire-log.ts';
import { dealsOf, doubledByPattern, patternsOn, recordTransfer, ROUTES, SEGMENTS } from './recorded-transfer.ts';
import type { Deal, RecordedTransfer } from './recorded-transfer.ts';

/** How far a dealt share may be from the measured one: a tenth of the whole. */
const SHARE_TOLERANCE = 0.1;

/** Silence of a channel from which its segments may be dealt anew: a third of the client's own limit, as the tap sees less. */
const LEAST_SILENCE_MS = 50;

/** A disturbed recording is made again. */
const RECORDING_MS = 90_000;

describe.each([
  { name: 'steady routes, into a file', output: 'file', swap: false },
  { name: 'routes that change places, to standard output', output: 'standard output', swap: true },
] as const)('$name', ({ output, swap }) => {
  let transfer: RecordedTransfer;
  beforeAll(async () => {
    transfer = await recordTransfer(output, swap);
  }, RECORDING_MS);

  test('delivers the bytes of the object', () => {
    expect(transfer.outcome).toMatchObject({ code: 0, signal: null });
    expect(transfer.received.equals(transfer.sent)).toBe(true);
    const said = output === 'file' ? transfer.outcome.stdout.toString() : transfer.outcome.stderr;
    expect(JSON.parse(said.trim().split('\n').at(-1) ?? '')).toMatchObject({
      type: 'done',
      bytes: transfer.sent.length,
    });
  });

  test('every route carries segments, and nothing on the wire breaks the grammar', () => {
    for (const route of ROUTES) {
      const carried = channels(route).flatMap((line) => indexesOn(line));
      expect(new Set(carried).size).toBeGreaterThan(SEGMENTS / 20);
    }
    expect(transfer.log.lines.filter(({ fault }) => fault !== undefined)).toEqual([]);
  });

  test('the sets that the sources sent are disjoint and together the object', () => {
    const doubled = doubledByPattern(transfer.log).filter(({ silentMs }) => silentMs < LEAST_SILENCE_MS);
    // where routes change places, a client without a processor for a moment may take a route for silent that was not
    expect(doubled.length).toBeLessThanOrEqual(swap ? SEGMENTS / 100 : 0);
    const all = new Set(channels('origin').flatMap((line) => indexesOn(line)));
    expect([...all].sort((a, b) => a - b)).toEqual(Array.from({ length: SEGMENTS }, (_, index) => index));
  });

  test('nearly all payload answers PATTERN, and next to nothing comes twice', () => {
    const segments = transfer.log.frames('segment').filter(({ line }) => line.tap !== 'origin');
    const bytes = (list: typeof segments) => list.reduce((sum, { frame }) => sum + frame.payloadBytes, 0);
    const byPattern = segments.filter(({ frame }) => frame.by === 'pattern');
    expect(bytes(byPattern) / bytes(segments)).toBeGreaterThanOrEqual(0.95);
    expect(bytes(segments) / transfer.sent.length).toBeLessThanOrEqual(1.02);
  });

  test('all routes get the same pattern of an epoch, and each route the newer after the older', () => {
    const known = new Map<number, string>();
    for (const line of clientSide()) {
      const sent = transfer.log.frames('pattern', line).map(({ frame }) => frame);
      expect(sent.length).toBeGreaterThan(0);
      expect(sent.map(({ pattern }) => pattern.epoch)).toEqual(ascending(sent.map(({ pattern }) => pattern.epoch)));
      expect(sent.map(({ pattern }) => pattern.from)).toEqual(ascending(sent.map(({ pattern }) => pattern.from)));
      for (const frame of sent) {
        const bytes = Buffer.from(encodeFrame(frame)).toString('base64');
        expect(known.get(frame.pattern.epoch) ?? bytes).toBe(bytes);
        known.set(frame.pattern.epoch, bytes);
      }
    }
    expect(known.size).toBeGreaterThan(3);
  });

  test('each segment by pattern is one that the pattern of its epoch gives to this channel, in rising order', () => {
    for (const line of channels('origin')) {
      const patterns = patternsOn(transfer.log, line);
      let before = { epoch: 0, index: -1 };
      for (const { frame } of transfer.log.frames('segment', line)) {
        const pattern = patterns.get(frame.epoch);
        expect(pattern, `epoch ${frame.epoch} was never sent on channel ${numberOf(line)}`).toBeDefined();
        expect(frame.epoch).toBeGreaterThanOrEqual(before.epoch);
        if (frame.by !== 'pattern') continue;
        expect(elementAt(pattern!, frame.index)).toBe(numberOf(line));
        if (frame.epoch === before.epoch) expect(frame.index).toBeGreaterThan(before.index);
        before = frame;
      }
    }
  });

  test('a source keeps to the old pattern until the new one has arrived', () => {
    for (const line of channels('origin')) {
      let arrived = 0;
      for (const { frame } of onLine(line)) {
        if (frame.type === 'pattern') arrived = Math.max(arrived, frame.pattern.epoch);
        if (frame.type === 'segment') expect(frame.epoch).toBeLessThanOrEqual(arrived);
      }
    }
    for (const route of ROUTES) {
      const underTheOld = channels(route).reduce((sum, line) => sum + segmentsUnderTheOld(line), 0);
      expect(underTheOld, `${route}: no segment while a new pattern travelled`).toBeGreaterThan(3);
    }
  });

  test('credit only rises, and no more is answered than it allows', () => {
    for (const line of channels('origin')) {
      let [credit, answered] = [0, 0];
      for (const { frame } of onLine(line)) {
        if (frame.type === 'credit') {
          expect(frame.total).toBeGreaterThanOrEqual(credit);
          credit = frame.total;
        }
        if ((frame.type === 'segment' || frame.type === 'dropped') && frame.by === 'pattern') answered += 1;
        expect(answered).toBeLessThanOrEqual(credit);
      }
    }
  });

  test('control stays below one per cent of what is received', () => {
    const lines = clientSide();
    const up = lines.reduce((sum, { upBytes }) => sum + upBytes, 0);
    const down = lines.reduce((sum, { downBytes }) => sum + downBytes, 0);
    expect(up / down).toBeLessThan(0.01);
  });

  test('shares follow the measured throughput over several modified patterns', () => {
    const deals = dealsOf(transfer.log);
    const close = deals.filter((deal) => distance(deal) <= SHARE_TOLERANCE);
    expect(close.length, shown(deals)).toBeGreaterThanOrEqual(Math.max(3, deals.length / 2));
    if (!swap) return;
    const before = close.filter(({ at }) => at < transfer.changedAt);
    const after = close.filter(({ at }) => at > transfer.changedAt);
    expect(Math.min(before.length, after.length), shown(deals)).toBeGreaterThanOrEqual(3);
    expect(before.at(-1)!.dealt[0]).toBeGreaterThan(0.4);
    expect(after.at(-1)!.dealt[0]).toBeLessThan(0.3);
    expect(after.at(-1)!.dealt[2]).toBeGreaterThan(0.4);
    const [first, ...rest] = deals.filter(({ at }) => at > transfer.changedAt - 100);
    expect(rest.filter(({ dealt }) => dealt[2]! > first!.dealt[2]! + 0.05).length).toBeGreaterThanOrEqual(3);
  });

  function segmentsUnderTheOld(line: WireLine): number {
    let [sent, count] = [0, 0];
    for (const { frame } of onLine(line)) {
      if (frame.type === 'pattern') sent = frame.pattern.epoch;
      if (frame.type === 'segment' && frame.epoch < sent) count += 1;
    }
    return count;
  }

  function channels(tap: string): WireLine[] {
    return transfer.log.channels(tap);
  }

  function clientSide(): WireLine[] {
    return ROUTES.flatMap(channels);
  }

  function onLine(line: WireLine) {
    return transfer.log.events.filter((event) => event.line === line);
  }

  function indexesOn(line: WireLine, by?: 'pattern'): number[] {
    const segments = transfer.log.frames('segment', line).map(({ frame }) => frame);
    return segments.filter((frame) => by === undefined || frame.by === by).map(({ index }) => index);
  }
});

function ascending(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}

function distance({ dealt, measured }: Deal): number {
  return Math.max(...dealt.map((share, at) => Math.abs(share - (measured[at] ?? 0))));
}

function shown(deals: readonly Deal[]): string {
  const per = (shares: readonly number[]) => shares.map((share) => Math.round(100 * share)).join('/');
  return deals
    .map((deal) => `epoch ${deal.epoch}: dealt ${per(deal.dealt)}, measured ${per(deal.measured)}`)
    .join('\n');
}
