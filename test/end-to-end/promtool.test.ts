// Prometheus's own judgement of what every role tells: names, units, types, help. Run on metrics that real work has filled.
import { describe, expect, test } from 'vitest';
import { startRelay } from '../../relay/main.ts';
import { request } from '../relay/channel-client.ts';
import { bytesOf, makeWorld, WITH_ADMIN } from '../origin/fixture.ts';
import { openRawChannel, patternOf } from '../support/raw-channel.ts';
import { hasPrometheus, promtool, WITHOUT_PROMETHEUS } from '../support/promtool.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../relay/tls-fixture.ts';

const admin = { host: '127.0.0.1', port: 0 };
const listen = admin;
const tls = { certificate: TEST_CERTIFICATE, key: TEST_KEY };

async function judged(adminUrl: string | undefined): Promise<{ code: number; said: string }> {
  return promtool(['check', 'metrics'], await (await fetch(`${adminUrl}/metrics`)).text());
}

describe.skipIf(!hasPrometheus)(`promtool check metrics${WITHOUT_PROMETHEUS}`, () => {
  test('has nothing to say of an origin and a relay', async () => {
    await using world = await makeWorld({ a: bytesOf(1_000_000) });
    const origin = await world.start({}, WITH_ADMIN);
    await using relay = await startRelay({ listen, admin, insecureOpen: true, upstreams: [`main=${origin.url}`] });
    await using channel = await openRawChannel({
      url: `${relay.url}/v1/via/main`,
      key: 'a',
      first: [patternOf(1), { type: 'credit', total: 4 }],
    });
    await channel.collect('segment', 4);
    expect((await request(relay.port, '/v1/via/main/v1/objects/a')).status).toBe(200);
    expect((await request(relay.port, '/v1/via/none/v1/objects/a')).status).toBe(404);
    expect(await judged(origin.adminUrl)).toEqual({ code: 0, said: '' });
    expect(await judged(relay.adminUrl)).toEqual({ code: 0, said: '' });
  });

  test('has nothing to say of those that speak TLS', async () => {
    await using world = await makeWorld({});
    const origin = await world.start({}, { ...WITH_ADMIN, tls });
    await using relay = await startRelay({
      listen,
      admin,
      tls,
      insecureOpen: true,
      upstreams: ['main=http://127.0.0.1:1'],
    });
    expect(await judged(origin.adminUrl)).toEqual({ code: 0, said: '' });
    expect(await judged(relay.adminUrl)).toEqual({ code: 0, said: '' });
  });

  test('would say what is wrong', async () => {
    expect(await promtool(['check', 'metrics'], '# TYPE a_milliseconds counter\na_milliseconds 1\n')).toMatchObject({
      code: 3,
      said: expect.stringContaining('a_milliseconds'),
    });
  });
});
