// What the page makes of the stream of events before it draws: events out of pieces of text, lines of the log, the transfer
// kept up, numbers in words. Memory stays bounded whatever comes.
import { describe, expect, test } from 'vitest';
import { EventLines } from '../../../client/control/page/browser/event-lines.ts';
import {
  formatBytes,
  formatCount,
  formatRate,
  formatSeconds,
  formatShare,
} from '../../../client/control/page/browser/format.ts';
import { happeningOf, withHappening } from '../../../client/control/page/browser/happenings.ts';
import type { Happening } from '../../../client/control/page/browser/happenings.ts';
import { LatestValues, SPARK_VALUES, sparkPaths } from '../../../client/control/page/browser/sparkline.ts';
import { TransferView } from '../../../client/control/page/browser/transfer-view.ts';
import { toldRoute, toldSnapshot } from '../../support/told-snapshot.ts';

const event = { id: 1, at: 1_000, transfer: 't1' } as const;

describe('events out of a stream', () => {
  const stream = ': a comment\n\nevent: a\nid: 1\ndata: {"a":1}\n\ndata: one\r\ndata:two\r\n\r\nretry: 5\n\n';

  test.each([1, 2, 3, 7, 1_000])('in pieces of %i characters', (length) => {
    const lines = new EventLines();
    const pieces = Array.from({ length: Math.ceil(stream.length / length) }, (_, at) =>
      stream.slice(at * length, (at + 1) * length),
    );
    expect(pieces.flatMap((piece) => lines.push(piece))).toEqual(['{"a":1}', 'one\ntwo']);
  });

  test('what never ends is given up', () => {
    const lines = new EventLines();
    const piece = `data: ${'x'.repeat(1_000_000)}`;
    expect(() => Array.from({ length: 20 }, () => lines.push(piece))).toThrow('longer');
  });
});

describe('the log', () => {
  const route = toldRoute('near');

  test.each<[what: string, happening: Happening | undefined, tone: string | undefined, text: string | undefined]>([
    ['a pause', happeningOf({ ...event, type: 'state', state: 'paused' }, undefined), 'plain', 'paused'],
    [
      'a route that goes down',
      happeningOf(
        {
          ...event,
          type: 'route',
          route: { ...route, state: 'down', fault: { code: 'no-route', message: 'refused' } },
        },
        route,
      ),
      'bad',
      'near is down: refused',
    ],
    [
      'an exclusion',
      happeningOf({ ...event, type: 'route', route: { ...route, preference: 'exclude', state: 'excluded' } }, route),
      'warning',
      'near is excluded by you',
    ],
    [
      'figures alone',
      happeningOf({ ...event, type: 'route', route: { ...route, bytes: 9 } }, route),
      undefined,
      undefined,
    ],
    ['progress', happeningOf({ ...event, type: 'cells', cells: [] }, undefined), undefined, undefined],
    [
      'the end',
      happeningOf(
        { ...event, type: 'ended', summary: { ...toldSnapshot(32, 1, [route], []), state: 'done' } },
        undefined,
      ),
      'good',
      'done: 1.0 MB in 4.0 s',
    ],
  ])('%s', (_, happening, tone, text) => {
    expect(happening?.tone).toBe(tone);
    expect(happening?.text).toBe(text);
  });

  test('hedges of one route within a while are one line, of another route or later another', () => {
    const hedge = (name: string, at: number, segments: number): Happening | undefined =>
      happeningOf({ ...event, at, type: 'hedge', route: name, segments }, undefined);
    const told = [hedge('a', 1_000, 2), hedge('a', 2_000, 3), hedge('b', 3_000, 1), hedge('a', 60_000, 1)];
    const lines = told.reduce<Happening[]>((all, next) => (next === undefined ? all : withHappening(all, next)), []);
    expect(lines.map(({ at, times }) => [at, times])).toEqual([
      [1_000, 5],
      [3_000, 1],
      [60_000, 1],
    ]);
  });

  test('keeps a bounded number of lines, the newest', () => {
    const lines = Array.from({ length: 5_000 }, (_, at): Happening => ({ at, tone: 'plain', text: `${at}` }));
    const kept = lines.reduce<Happening[]>(withHappening, []);
    expect(kept).toHaveLength(200);
    expect(kept.at(-1)?.text).toBe('4999');
  });
});

describe('the transfer that is shown', () => {
  const routes = [toldRoute('near'), toldRoute('far', { share: 0.1 })];
  const view = (): TransferView => new TransferView(toldSnapshot(100, 0.5, routes, [['near', 1]]));

  test('is kept up by events, and says which parts changed', () => {
    const shown = view();
    shown.changed.clear();
    shown.take({ ...event, type: 'routes', routes: [{ ...toldRoute('far'), share: 0.9 }] });
    expect([...shown.changed]).toEqual(['routes']);
    expect(shown.routes.map(({ share }) => share)).toEqual([0.3, 0.9]);
    shown.take({ ...event, type: 'cells', cells: [{ at: 99, length: 1, by: [0, 1] }] });
    expect(shown.cloth.broughtBy(1, 99)).toBe(1);
    shown.take({ ...event, type: 'state', state: 'paused' });
    expect(shown.summary.state).toBe('paused');
    expect(shown.hasEnded).toBe(false);
  });

  test('what it does not know changes nothing', () => {
    const shown = view();
    shown.take({ ...event, type: 'routes', routes: [{ ...toldRoute('nobody'), share: 0.9 }] });
    shown.take({ ...event, type: 'of-tomorrow' } as never);
    expect(shown.routes).toEqual(routes);
  });

  test('hours of events keep a bounded history', () => {
    const shown = view();
    for (let turn = 0; turn < 20_000; turn += 1) {
      shown.take({ ...event, type: 'routes', routes });
      const pattern = { epoch: turn + 18, from: 0, to: 100, leadLength: 0, lead: [], cycle: [['near', 64] as const] };
      if (turn % 4 === 0) shown.take({ ...event, type: 'pattern', pattern });
    }
    expect(shown.latenciesOf('near').values).toHaveLength(SPARK_VALUES);
    expect(shown.rows.length).toBeLessThan(50);
  });
});

describe('words', () => {
  test('numbers', () => {
    expect([0, 999, 1_536_000, 2.5e12].map(formatBytes)).toEqual(['0 B', '999 B', '1.5 MB', '2.5 TB']);
    expect([0, 1.25e6, 2.5e8].map(formatRate)).toEqual(['0.0 Mbit/s', '10.0 Mbit/s', '2.00 Gbit/s']);
    expect([4.21, 59.4, 185, 7_620].map(formatSeconds)).toEqual(['4.2 s', '59 s', '3 min 05 s', '2 h 07 min']);
    expect([0, 0.001, 0.5, 1].map(formatShare)).toEqual(['0 %', '< 1 %', '50 %', '100 %']);
    expect(formatCount(1_234_567)).toBe('1,234,567');
  });

  test('a sparkline ends at the right, leaves gaps where nothing was measured, and is bounded', () => {
    const values = new LatestValues();
    for (const value of [10, undefined, 5, 10]) values.push(value);
    const { line, under } = sparkPaths(values.values, SPARK_VALUES - 1, 20, 20);
    expect(line).toBe('M116.0 10.0M118.0 15.0L119.0 10.0');
    expect(under).toBe('M116.0 20L116.0 10.0L116.0 20ZM118.0 20L118.0 15.0L119.0 10.0L119.0 20Z');
    for (let count = 0; count < 1_000; count += 1) values.push(count);
    expect(values.values).toHaveLength(SPARK_VALUES);
    expect(values.top).toBe(999);
    for (const value of [...Array.from({ length: 200 }, () => 10), 5_000]) values.push(value);
    expect(values.top).toBe(30);
  });
});
