// What a relay tells Prometheus: what passed, what was refused and by which limit, how sessions ended, what waited; never
// a word that a client chose.
import { describe, expect, test } from 'vitest';
import type { RunningRelay } from '../../relay/main.ts';
import { refusingPort } from '../support/servers.ts';
import { createIssuer, secondsFromNow } from '../protocol/access/issuer.ts';
import { closed, openChannel, request } from './channel-client.ts';
import { openRelay } from './relays.ts';
import { accepting, echoing, startUpstream } from './upstream-server.ts';

const PATH = '/v1/via/main/v1/segments/a';
const admin = { host: '127.0.0.1', port: 0 };
const issuer = await createIssuer();

async function scrape({ adminUrl }: RunningRelay): Promise<string[]> {
  return (await (await fetch(`${adminUrl}/metrics`)).text()).split('\n');
}

/** The value of the one series that is written so. */
async function valueOf(relay: RunningRelay, series: string): Promise<number> {
  const line = (await scrape(relay)).find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? Number.NaN);
}

async function comesTo(relay: RunningRelay, series: string, isSo: (value: number) => boolean): Promise<void> {
  while (!isSo(await valueOf(relay, series)));
}

describe('the metrics of a relay', () => {
  test('count what passes, by configured names only', async () => {
    await using upstream = await startUpstream({
      onUpgrade: echoing,
      onRequest: (_, response) => response.end('12345'),
    });
    await using relay = await openRelay(upstream.url, { admin });
    using channel = await openChannel(relay.port, PATH);
    channel.socket.write('x'.repeat(1_000));
    await channel.read(1_000);
    await request(relay.port, PATH);
    await request(relay.port, '/v1/via/secret-name/x');
    const adminPort = Number(new URL(relay.adminUrl!).port);
    const answer = await request(adminPort, '/metrics');
    const text = answer.body.toString();
    expect(answer.headers['content-type']).toContain('text/plain');
    for (const line of [
      'heddle_relay_sessions{upstream="main"} 1',
      'heddle_relay_sessions_total{upstream="main"} 1',
      'heddle_relay_bytes_total{upstream="main",direction="to_client"} 1005',
      'heddle_relay_bytes_total{upstream="main",direction="to_upstream"} 1000',
      'heddle_relay_refused_total{reason="unknown-upstream"} 1',
      'heddle_relay_requests_total{upstream="main",kind="upgrade",status="1xx"} 1',
      'heddle_relay_requests_total{upstream="main",kind="plain",status="2xx"} 1',
      'heddle_relay_ready 1',
      'heddle_relay_connections 1',
      'heddle_relay_sessions_limit 10000',
      'heddle_relay_rate_limit_bytes_per_second 0',
      'heddle_relay_shaped_seconds_total 0',
      'heddle_relay_config_last_reload_successful 1',
      'heddle_relay_config_last_reload_failure_timestamp_seconds 0',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    expect(text).toMatch(/^heddle_build_info\{version="[0-9.]+",role="relay",runtime="v[0-9.]+"\} 1$/m);
    expect(text).toMatch(/^process_cpu_seconds_total /m);
    expect(text).toMatch(/^nodejs_eventloop_active_seconds_total 0?\.?[0-9]/m);
    expect(text).toMatch(/^heddle_relay_config_last_reload_success_timestamp_seconds 1[0-9]{9}/m);
    expect(text).not.toContain('secret-name');
    expect((await request(adminPort, '/readyz')).status).toBe(200);
    expect((await request(adminPort, PATH)).status).toBe(404);
  });

  test('begin with every reason and limit at 0', async () => {
    await using upstream = await startUpstream({});
    await using relay = await openRelay(upstream.url, { admin });
    const lines = await scrape(relay);
    for (const series of [
      'heddle_relay_refused_total{reason="draining"}',
      'heddle_relay_refused_total{reason="unreachable"}',
      'heddle_relay_limited_total{limit="sessions"}',
      'heddle_relay_limited_total{limit="connections"}',
      'heddle_relay_sessions_ended_total{reason="idle"}',
      'heddle_relay_config_reloads_total{result="refused"}',
    ]) {
      expect(lines).toContain(`${series} 0`);
    }
  });

  test('say which limit turned whom away', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    const limits = { maxSessions: 2, maxSessionsPerToken: 1, maxConnections: 4 };
    await using relay = await openRelay(upstream.url, { tokenKeys: issuer.keys, limits, admin });
    const open = async (sub: string) =>
      openChannel(relay.port, PATH, { headers: [['Authorization', await issuer.issue({ sub })]] });
    using one = await open('one');
    using more = await open('one');
    using two = await open('two');
    using three = await open('three');
    expect([one, more, two, three].map(({ head }) => head.status)).toEqual([101, 429, 101, 503]);
    // the two that were refused are still there: nobody else is let in
    await comesTo(relay, 'heddle_relay_connections', (value) => value === 4);
    await expect(open('four')).rejects.toThrow();
    const lines = await scrape(relay);
    for (const [limit, count] of Object.entries({ sessions: 1, 'token-sessions': 1, connections: 1 })) {
      expect(lines).toContain(`heddle_relay_limited_total{limit="${limit}"} ${count}`);
    }
    expect(lines).toContain('heddle_relay_refused_total{reason="overloaded"} 2');
    expect(lines).toContain('heddle_relay_connections_limit 4');
  });

  test('say what failed at which upstream', async () => {
    await using upstream = await startUpstream({});
    const upstreams = [`main=${upstream.url}`, `gone=http://127.0.0.1:${await refusingPort()}`];
    await using relay = await openRelay(upstream.url, { upstreams, admin });
    expect((await request(relay.port, '/v1/via/gone/v1/objects/a')).status).toBe(502);
    using channel = await openChannel(relay.port, '/v1/via/gone/v1/segments/a');
    expect(channel.head.status).toBe(502);
    expect(await valueOf(relay, 'heddle_relay_upstream_errors_total{upstream="gone",error="connection_refused"}')).toBe(
      2,
    );
  });

  test('say what ended a session, and how long it was open', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    const limits = { idleTimeoutMs: 100 };
    await using relay = await openRelay(upstream.url, { tokenKeys: issuer.keys, limits, admin });
    const Authorization = await issuer.issue({ exp: secondsFromNow(3_600), maxBytes: 10_000 });
    using idle = await openChannel(relay.port, PATH, { headers: [['Authorization', Authorization]] });
    idle.socket.resume();
    await closed(idle.socket);
    using greedy = await openChannel(relay.port, PATH, { headers: [['Authorization', Authorization]] });
    greedy.socket.resume();
    greedy.socket.write(Buffer.alloc(10_000));
    await closed(greedy.socket);
    await comesTo(relay, 'heddle_relay_sessions_ended_total{reason="idle"}', (value) => value === 1);
    await comesTo(relay, 'heddle_relay_sessions_ended_total{reason="token-bytes"}', (value) => value === 1);
    await comesTo(relay, 'heddle_relay_session_seconds_count', (value) => value === 2);
    await comesTo(relay, 'heddle_relay_session_seconds_bucket{le="7200"}', (value) => value === 2);
    using spent = await openChannel(relay.port, PATH, { headers: [['Authorization', Authorization]] });
    expect(spent.head.status).toBe(403);
    expect(await valueOf(relay, 'heddle_relay_limited_total{limit="token-bytes"}')).toBe(1);
  });

  test('count the time spent waiting for a share of a rate', async () => {
    const chunk = Buffer.alloc(65_536);
    const push = accepting(new Uint8Array(), (socket) => {
      socket.on('drain', () => socket.write(chunk));
      socket.write(chunk);
    });
    await using upstream = await startUpstream({ onUpgrade: push });
    await using relay = await openRelay(upstream.url, { limits: { maxBytesPerSecond: 200_000 }, admin });
    using channel = await openChannel(relay.port, PATH);
    channel.socket.resume();
    await comesTo(relay, 'heddle_relay_shaped_sessions', (value) => value === 1);
    const before = await valueOf(relay, 'heddle_relay_shaped_seconds_total');
    await comesTo(relay, 'heddle_relay_shaped_seconds_total', (value) => value > before + 0.1);
    channel.socket.destroy();
    await comesTo(relay, 'heddle_relay_shaped_sessions', (value) => value === 0);
    const after = await valueOf(relay, 'heddle_relay_shaped_seconds_total');
    expect(await valueOf(relay, 'heddle_relay_shaped_seconds_total')).toBe(after);
    expect(await valueOf(relay, 'heddle_relay_rate_limit_bytes_per_second')).toBe(200_000);
  });
});
