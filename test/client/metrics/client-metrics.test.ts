// What a client tells of real transfers over real relays: the same figures as its reports, in Prometheus' words; and that
// nothing listens where nobody asked.
import { channel } from 'node:diagnostics_channel';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../../client/client.ts';
import type { Client } from '../../../client/client.ts';
import type { SessionReport } from '../../../client/io/report.ts';
import { TRANSFER_CHANNEL } from '../../../client/io/transfer-events.ts';
import { startMetrics } from '../../../client/metrics.ts';
import type { RunningMetrics } from '../../../client/metrics.ts';
import type { HeddleError } from '../../../protocol/errors.ts';
import { openRelay } from '../../relay/relays.ts';
import { bytesOf, makeWorld } from '../../origin/fixture.ts';
import { refusingPort } from '../../support/servers.ts';
import { hasPrometheus, promtool, WITHOUT_PROMETHEUS } from '../../support/promtool.ts';

const BYTES = 4_000_000;
const owned = new AsyncDisposableStack();
let client: Client;
let metrics: RunningMetrics;
let root: string;

beforeAll(async () => {
  const world = owned.use(await makeWorld({ 'a.bin': bytesOf(BYTES) }));
  const origin = await world.start();
  const relay = owned.use(await openRelay(origin.url));
  const routes = [
    { name: 'direct', url: origin.url },
    { name: 'eu', url: `${relay.url}/v1/via/main` },
    { name: 'gone', url: `http://127.0.0.1:${await refusingPort()}` },
  ];
  client = createClient({ routes });
  root = (await whole(client)).vouching.root ?? '';
});
afterAll(() => owned.disposeAsync());

/** Reads the object to its end. */
async function whole(by: Client): Promise<SessionReport> {
  const { stream, done } = by.get('a.bin');
  await new Response(stream).arrayBuffer();
  return done;
}

/** Values by series as they are written. */
async function scrape(): Promise<Map<string, number>> {
  const text = await (await fetch(`${metrics.url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

const sum = (values: Map<string, number>, name: string): number =>
  [...values].reduce((total, [series, value]) => total + (series.startsWith(`${name}{`) ? value : 0), 0);

describe('metrics of a client', () => {
  beforeAll(async () => {
    metrics = owned.use(await startMetrics({ port: 0 }));
  });

  test('say what the transfers say, failures included', async () => {
    const before = await scrape();
    expect(before.get('heddle_client_transfers_total{result="done"}')).toBe(0);
    expect(before.get('heddle_client_last_transfer_timestamp_seconds')).toBe(0);
    const report = await whole(client);
    const { code } = await client.get('missing').done.then(
      () => expect.unreachable(),
      (error: unknown) => error as HeddleError,
    );
    const after = await scrape();
    expect(after.get('heddle_client_transfers_total{result="done"}')).toBe(1);
    expect(after.get(`heddle_client_transfers_total{result="${code}"}`)).toBe(1);
    expect(after.get('heddle_client_last_transfer_successful')).toBe(0);
    expect(after.get('heddle_client_first_byte_seconds_count')).toBe(1);
    expect(after.get('heddle_client_transfer_seconds_count')).toBe(1);
    expect(after.get('heddle_client_transfers')).toBe(0);
    expect(sum(after, 'heddle_client_bytes_total')).toBe(BYTES);
    const { routes, patterns } = report;
    for (const { name, payloadBytes, segments, counts } of routes) {
      expect(after.get(`heddle_client_bytes_total{route="${name}"}`)).toBe(payloadBytes);
      const outcomes = ['pattern', 'send'].map((outcome) =>
        after.get(`heddle_client_segments_total{route="${name}",outcome="${outcome}"}`),
      );
      expect(outcomes).toEqual([counts.pattern, counts.send]);
      expect(counts.pattern + counts.send).toBe(segments);
    }
    const timed = after.get('heddle_client_segment_seconds_count{route="eu"}') ?? 0;
    expect(timed).toBeGreaterThan(0);
    expect(after.get('heddle_client_segment_seconds_bucket{le="+Inf",route="eu"}')).toBe(timed);
    expect(after.get('heddle_client_segment_seconds_bucket{le="30",route="eu"}')).toBe(timed);
    // the one that failed dealt a pattern, too
    expect(after.get('heddle_client_patterns_total')).toBeGreaterThanOrEqual(patterns);
    expect(after.get('heddle_client_channels_closed_total{route="gone",reason="unreachable"}')).toBeGreaterThan(0);
    expect(after.get('process_cpu_seconds_total')).toBeGreaterThan(0);
  });

  test('say how a transfer stands while it runs', async () => {
    const slow = client.get('a.bin', { root });
    const reader = slow.stream.getReader();
    await reader.read();
    const during = await scrape();
    expect(during.get('heddle_client_transfers')).toBe(1);
    expect(during.get('heddle_client_route_transfers{route="gone",state="active"}')).toBe(0);
    const states = [...during].filter(([series]) => series.startsWith('heddle_client_route_transfers{route="eu"'));
    expect(states.reduce((total, [, value]) => total + value, 0)).toBe(1);
    expect(sum(during, 'heddle_client_route_share_ratio')).toBeCloseTo(1, 6);
    expect(during.get('heddle_client_route_window_bytes{route="eu"}')).toBeGreaterThan(0);
    await reader.cancel();
    await slow.done.catch(() => undefined);
    expect((await scrape()).get('heddle_client_transfers_total{result="aborted"}')).toBe(1);
  });

  test('answer for health, and for nothing else', async () => {
    const status = async (path: string, init?: RequestInit): Promise<number> =>
      (await fetch(metrics.url + path, init)).status;
    expect([await status('/livez'), await status('/readyz'), await status('/')]).toEqual([200, 200, 404]);
    expect(await status('/metrics', { method: 'POST' })).toBe(405);
    metrics.notReady();
    expect([await status('/livez'), await status('/readyz')]).toEqual([200, 503]);
  });

  test.skipIf(!hasPrometheus)(`have names that promtool likes${WITHOUT_PROMETHEUS}`, async () => {
    expect(await promtool(['check', 'metrics'], await metrics.text())).toEqual({ code: 0, said: '' });
  });

  test('cannot be served twice at one place', async () => {
    await expect(startMetrics({ port: metrics.port })).rejects.toMatchObject({
      code: 'local-io',
      message: `cannot serve metrics on 127.0.0.1:${metrics.port}: somebody listens there already; choose another port, or end the program that has it`,
    });
  });
});

test('nobody listens once it is closed', async () => {
  const more = await startMetrics({ port: 0 });
  expect(channel(TRANSFER_CHANNEL).hasSubscribers).toBe(true);
  await more[Symbol.asyncDispose]();
  await metrics[Symbol.asyncDispose]();
  expect(channel(TRANSFER_CHANNEL).hasSubscribers).toBe(false);
  await expect(fetch(`${more.url}/livez`)).rejects.toThrow();
});
