// Every question of every dashboard, and every rule, asked of a Prometheus that scrapes an origin, three relays and a client
// proxy while real transfers run through them: each must have an answer, and alerts must hear of what really fails.
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expressionsOf, readDashboards } from '../support/dashboards.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { startProgram } from '../support/program.ts';
import type { Program } from '../support/program.ts';
import { startPrometheus } from '../support/prometheus.ts';
import type { RunningPrometheus, Sample } from '../support/prometheus.ts';
import { hasPrometheus, WITHOUT_PROMETHEUS } from '../support/promtool.ts';
import { refusingPort } from '../support/servers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../relay/tls-fixture.ts';

const BYTES = 12_000_000;
/** Of each relay: transfers take a while, and the relays' limits have something to do. */
const BYTES_PER_SECOND = 3_000_000;
const owned = new AsyncDisposableStack();
const over = new AbortController();

type Server = { readonly program: Program; readonly url: string; readonly admin: string };

let prometheus: RunningPrometheus;
let relays: readonly Server[];
let transfers: readonly Promise<void>[];

async function start(config: string, args: readonly string[], env: Record<string, string> = {}): Promise<Server> {
  const options = { tethered: true, cwd: config.slice(0, config.lastIndexOf('/')), env };
  const program = owned.use(startProgram([...args, '--config', config], options));
  const [, url = '', admin = ''] = await program.said(/ on (https?:\/\/\S+?),? \(?admin (?:on )?http:\/\/([\d.:]+)/);
  return { program, url, admin };
}

/** Fetches the object over and over, as an application behind the proxy would. */
async function fetchOn(proxyUrl: string): Promise<void> {
  while (!over.signal.aborted) {
    const answer = await fetch(`${proxyUrl}/o/a.bin`, { signal: over.signal });
    const bytes = (await answer.arrayBuffer()).byteLength;
    if (bytes !== BYTES) throw new Error(`${bytes} bytes of ${BYTES}`);
  }
}

describe.skipIf(!hasPrometheus)(`a live Prometheus${WITHOUT_PROMETHEUS}`, () => {
  beforeAll(async () => {
    const folder = owned.use(await temporaryFolder());
    const write = async (name: string, text: string): Promise<string> => {
      await writeFile(folder.file(name), text);
      return folder.file(name);
    };
    await write('one.pem', TEST_CERTIFICATE);
    await write('one.key', TEST_KEY);
    const objects = owned.use(await temporaryFolder());
    await writeFile(objects.file('a.bin'), objectBytes(BYTES, 9));
    const listeners = 'listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n';
    const dir = `dir: ${objects.path}\nstateDir: state\n`;
    const origin = await start(await write('origin.yaml', listeners + dir), ['origin']);
    const gone = `http://127.0.0.1:${await refusingPort()}`;
    const common = `${listeners}insecureOpen: true\nupstreams: {main: "${origin.url}", gone: "${gone}"}\n`;
    const limits = `limits: {maxBytesPerSecond: ${BYTES_PER_SECOND}}\n`;
    const tls = 'tls: {certificate: one.pem, key: one.key}\n';
    relays = await Promise.all(
      ['', '', tls].map(async (more, at) => start(await write(`relay${at}.yaml`, common + limits + more), ['relay'])),
    );
    const routes = relays.map(({ url }, at) => ({ name: `relay${at}`, url: `${url}/v1/via/main` }));
    const away = { name: 'away', url: `${relays[0]?.url}/v1/via/gone` };
    const client = { admin: '127.0.0.1:0', routes: [...routes, away] };
    const trust = { NODE_EXTRA_CA_CERTS: folder.file('one.pem') };
    const proxy = await start(
      await write('client.yaml', JSON.stringify(client)),
      ['proxy', '--listen', '127.0.0.1:0'],
      trust,
    );
    prometheus = owned.use(
      await startPrometheus({
        'heddle-relay': relays.map(({ admin }) => admin),
        'heddle-origin': [origin.admin],
        'heddle-client': [proxy.admin],
      }),
    );
    transfers = [fetchOn(proxy.url), fetchOn(proxy.url)];
    for (const transfer of transfers) transfer.catch(() => undefined);
  }, 60_000);

  afterAll(async () => {
    over.abort();
    await Promise.allSettled(transfers ?? []);
    await owned.disposeAsync();
  });

  /** The answer, as soon as it has a number in it: the next scrape may bring one. */
  async function answer(expression: string): Promise<readonly Sample[]> {
    let samples: readonly Sample[] = [];
    const hasNumber = async (): Promise<boolean> => {
      samples = await prometheus.query(expression);
      return samples.some(({ value }) => Number.isFinite(Number(value[1])));
    };
    await expect.poll(hasNumber, { timeout: 20_000, interval: 250, message: `no answer to ${expression}` }).toBe(true);
    return samples;
  }

  describe.each(readDashboards())('$title', (dashboard) => {
    test.each(expressionsOf(dashboard))('$where', async ({ expression }) => {
      await answer(expression);
    });
  });

  test('the figures are those of what runs', async () => {
    const valueOf = async (expression: string): Promise<number> => Number((await answer(expression))[0]?.value[1]);
    expect(await valueOf('count(heddle_build_info)')).toBe(5);
    const shares = await answer('instance_route:heddle_client_share:ratio_rate1m');
    expect(shares.reduce((sum, { value }) => sum + Number(value[1]), 0)).toBeCloseTo(1, 6);
    const used = shares.filter(({ value }) => Number(value[1]) > 0.1).map(({ metric }) => metric['route']);
    expect(new Set(used)).toEqual(new Set(['relay0', 'relay1', 'relay2']));
    expect(await valueOf('sum(heddle_relay_sessions)')).toBeGreaterThan(0);
  });

  test('no rule fails', async () => {
    const rules = await prometheus.rules();
    expect(rules.length).toBeGreaterThan(30);
    expect(rules.filter(({ health }) => health === 'err')).toEqual([]);
  });

  test('a relay that is killed is noticed', async () => {
    await relays[1]?.program.kill();
    const [alert] = await answer('ALERTS{alertname="HeddleInstanceDown"}');
    expect(alert?.metric).toMatchObject({ instance: relays[1]?.admin, severity: 'critical', alertstate: 'pending' });
  });
});
