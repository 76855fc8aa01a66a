// What an origin tells Prometheus beyond the segments themselves: requests, sockets, limits, the state of the hash index,
// certificates; never a word that a client chose.
import { X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { LEAF_BYTES } from '../../protocol/limits.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../relay/tls-fixture.ts';
import { openRawChannel, patternOf } from '../support/raw-channel.ts';
import { bytesOf, eventually, makeWorld, metricOf, WITH_ADMIN } from './fixture.ts';

const FIRST = [patternOf(1), { type: 'credit', total: 1 } as const];

it('counts plain requests by what they are about and how they were answered, bodies sent past the framework as well', async () => {
  await using world = await makeWorld({ file: bytesOf(LEAF_BYTES) });
  const origin = await world.start({}, WITH_ADMIN);
  const paths = ['objects/file', 'objects/secret-name', 'objects', 'manifests/file', 'nodes/file', 'odd'];
  for (const path of paths) await (await fetch(`${origin.url}/v1/${path}`)).arrayBuffer();
  for (const [labels, count] of Object.entries({
    'kind="objects",status="2xx"': 1,
    'kind="objects",status="4xx"': 1,
    'kind="list",status="2xx"': 1,
    'kind="manifests",status="2xx"': 1,
    'kind="nodes",status="4xx"': 1,
    'kind="other",status="4xx"': 1,
  })) {
    await eventually(() => metricOf(origin, `heddle_origin_requests_total{${labels}}`)).toBe(count);
  }
  expect(await (await fetch(`${origin.adminUrl}/metrics`)).text()).not.toContain('secret-name');
});

it('says which limit turned a channel away or ended it', async () => {
  await using world = await makeWorld({ file: bytesOf(10 * LEAF_BYTES) });
  const origin = await world.start({ maxChannels: 1, channelIdleMs: 300 }, WITH_ADMIN);
  const limited = (limit: string): Promise<number> => metricOf(origin, `heddle_origin_limited_total{limit="${limit}"}`);
  await using one = await openRawChannel({ url: origin.url, key: 'file', first: FIRST });
  expect(await metricOf(origin, 'heddle_origin_channels_limit')).toBe(1);
  await using two = await openRawChannel({ url: origin.url, key: 'file', number: 2, first: FIRST });
  expect([two.head.status, await limited('channels')]).toEqual([503, 1]);
  await one.skipTo('error');
  await one.closed;
  expect(await limited('idle')).toBe(1);
  const patient = await world.start({}, WITH_ADMIN);
  await using flood = await openRawChannel({ url: patient.url, key: 'file', first: FIRST });
  for (let sent = 0; sent < 1_000; sent += 1) flood.send({ type: 'steer', on: false });
  expect(await flood.skipTo('error')).toMatchObject({ code: 'overloaded' });
  expect(await metricOf(patient, 'heddle_origin_limited_total{limit="frames"}')).toBe(1);
});

it('says what clients sent, how many sockets are open, and whether it wants more', async () => {
  await using world = await makeWorld({ file: bytesOf(10 * LEAF_BYTES) });
  const origin = await world.start({}, WITH_ADMIN);
  const channel = await openRawChannel({ url: origin.url, key: 'file', first: FIRST });
  await channel.skipTo('segment');
  expect(await metricOf(origin, 'heddle_origin_connections')).toBe(1);
  const before = await metricOf(origin, 'heddle_origin_received_bytes_total');
  expect(before).toBeGreaterThan(100);
  channel.send({ type: 'bye' });
  await channel.closed;
  await eventually(() => metricOf(origin, 'heddle_origin_connections')).toBe(0);
  await eventually(() => metricOf(origin, 'heddle_origin_received_bytes_total')).toBeGreaterThan(before);
  expect(await metricOf(origin, 'heddle_origin_ready')).toBe(1);
  await using busy = await openRawChannel({ url: origin.url, key: 'file', first: FIRST });
  const closing = origin.close({ noticeMs: 0, deadlineMs: 3_600_000 });
  expect(await metricOf(origin, 'heddle_origin_ready')).toBe(0);
  busy.send({ type: 'bye' });
  await closing;
});

it('says how far the hash index is, and what could not be hashed', async () => {
  await using world = await makeWorld({ a: bytesOf(LEAF_BYTES), b: bytesOf(2 * LEAF_BYTES) });
  const origin = await world.start({}, WITH_ADMIN);
  await origin.indexed;
  expect(await metricOf(origin, 'heddle_origin_index_complete')).toBe(1);
  expect(await metricOf(origin, 'heddle_origin_index_seconds_count')).toBe(2);
  expect(await metricOf(origin, 'heddle_origin_index_jobs{state="running"}')).toBe(0);
  expect(await metricOf(origin, 'heddle_origin_index_failures_total')).toBe(0);
});

it('says when the certificate expires', async () => {
  await using world = await makeWorld({});
  const tls = { certificate: TEST_CERTIFICATE, key: TEST_KEY };
  const [plain, secure] = [await world.start({}, WITH_ADMIN), await world.start({}, { ...WITH_ADMIN, tls })];
  const name = 'heddle_origin_certificate_expiry_timestamp_seconds';
  const expiry = new X509Certificate(TEST_CERTIFICATE).validToDate.getTime() / 1_000;
  expect(await metricOf(secure, name)).toBe(expiry);
  expect(await (await fetch(`${plain.adminUrl}/metrics`)).text()).not.toContain(name);
});
