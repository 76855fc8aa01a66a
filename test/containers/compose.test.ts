// The compose file as people use it: one command from nothing to a verified download through three containers, then the
// proxy, and Prometheus, which sees relays and origin and raises the alarm when a relay is killed. The file is the
// published one; times that are minutes in earnest are seconds here.
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { command, composeCommand, docker } from './docker-command.ts';
import { refusingPort } from '../support/servers.ts';
import type { CommandResult } from './docker-command.ts';
import { LABEL } from './engine.ts';
import { exists, pullOrStandIn } from './images.ts';

const { images, missing } = inject('engine');
const compose = missing === undefined ? await composeCommand() : undefined;
const reason = missing ?? (compose === undefined ? 'there is neither docker compose nor docker-compose' : undefined);
if (missing === undefined && reason !== undefined && process.env['HEDDLE_REQUIRE_DOCKER'] === '1')
  throw new Error(reason);

const DEPLOY = join(import.meta.dirname, '../../deploy');
const SAMPLE_BYTES = 33_554_432;
/** As in the compose file. */
const PROMETHEUS = 'prom/prometheus:v3.5.0';
/** Generous: what is waited for comes within seconds on a machine that is not busy. */
const PATIENCE_MS = 120_000;
const LOOK_AGAIN_MS = 250;

describe.skipIf(reason !== undefined)(
  reason === undefined ? 'the compose file' : `the compose file (skipped: ${reason})`,
  () => {
    // the same in every run: what one that was cut off left is found by the next
    const project = `heddle-test-${LABEL.value}`;
    const image = `heddle-under-test:${project}`;
    let folder: string;
    let proxyPort: number;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'heddle-compose-'));
      await cp(DEPLOY, folder, { recursive: true });
      await hurryPrometheus(folder);
      proxyPort = await refusingPort();
      await down();
      await docker(['tag', images!.heddle, image]);
      if (!(await exists(PROMETHEUS))) await pullOrStandIn(PROMETHEUS, 'prometheus', (line) => console.log(line));
    });
    afterAll(async () => {
      await down();
      await command('docker', ['image', 'rm', '--no-prune', image]);
      await rm(folder, { recursive: true, force: true });
    });

    test('one command: a verified download over three relays', async () => {
      const { code, stdout, stderr } = await inProject('run', '--rm', 'download');
      const said = stdout + stderr;
      expect(code, said).toBe(0);
      expect(said).toMatch(/33\.6 MB verified in [\d.]+ s \(.*\): eu \d+%, us \d+%, ap \d+%/);
    });

    test('the proxy hands out what the origin has', async () => {
      await succeeds('up', '--detach', 'proxy');
      const answer = await until('the proxy answers', () => fetch(`http://127.0.0.1:${proxyPort}/o/sample.bin`));
      expect(answer.status).toBe(200);
      const hash = createHash('sha256')
        .update(await answer.bytes())
        .digest('hex');
      const atOrigin = await inProject('exec', '-T', 'origin', 'sha256sum', '/srv/heddle/objects/sample.bin');
      expect(hash).toBe(atOrigin.stdout.split(' ')[0]);
    });

    test('Prometheus sees relays and origin, and an alert fires for a relay that is killed', async () => {
      await succeeds('up', '--detach', 'proxy', 'prometheus');
      const address = await published('prometheus', 9090);
      const ask = async (query: string): Promise<Sample[]> => {
        const answer = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(query)}`);
        const { data } = (await answer.json()) as {
          data: { result: { metric: Sample['labels']; value: [number, string] }[] };
        };
        return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
      };
      const up = await until('all targets are up', async () => {
        const targets = await ask('up');
        return targets.length === 5 && targets.every(({ value }) => value === 1) ? targets : undefined;
      });
      expect(up.map(({ labels }) => `${labels['job']} ${labels['region'] ?? ''}`.trim()).toSorted()).toEqual([
        'heddle-client',
        'heddle-origin',
        'heddle-relay ap',
        'heddle-relay eu',
        'heddle-relay us',
      ]);
      const carried = await until('three relays have carried something', async () => {
        const relays = await ask('heddle_relay_bytes_total{direction="to_client"} > 0');
        return relays.length === 3 ? relays : undefined;
      });
      const sent = await ask('heddle_origin_bytes_total{kind="segments"}');
      expect(sent[0]?.value).toBeGreaterThanOrEqual(SAMPLE_BYTES);
      expect(carried.reduce((sum, { value }) => sum + value, 0)).toBeGreaterThanOrEqual(SAMPLE_BYTES);
      // one may have begun while a busy machine was slow to answer
      await until('no alert fires', async () => ((await ask(DOWN)).length === 0 ? true : undefined));

      await succeeds('kill', 'relay-us');
      const [alert] = await until('an alert fires', async () => {
        const firing = await ask(DOWN);
        return firing.length > 0 ? firing : undefined;
      });
      console.log(`fired for the killed relay: ${alert?.labels['alertname']}`);
      expect(alert?.labels).toMatchObject({ job: 'heddle-relay', region: 'us' });
    });

    async function down(): Promise<void> {
      await inProject('down', '--volumes', '--remove-orphans', '--timeout', '0');
    }

    function inProject(...args: readonly string[]): Promise<CommandResult> {
      const [program = '', ...words] = compose ?? [];
      const file = join(folder, 'compose/docker-compose.yml');
      // of 0, the engine chooses another
      const ports = { PROXY_PORT: `${proxyPort}`, PROMETHEUS_PORT: '0', GRAFANA_PORT: '0' };
      const environment = { ...ports, HEDDLE_IMAGE: image, SAMPLE_BYTES: `${SAMPLE_BYTES}` };
      return command(program, [...words, '--file', file, '--project-name', project, ...args], { environment });
    }

    async function succeeds(...args: readonly string[]): Promise<void> {
      const { code, stderr } = await inProject(...args);
      expect(code, stderr).toBe(0);
    }

    async function published(service: string, port: number): Promise<string> {
      return (await inProject('port', service, `${port}`)).stdout.trim();
    }
  },
);

const DOWN = 'ALERTS{alertstate="firing", alertname="HeddleInstanceDown", region="us"}';

type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

/** Every interval of the shipped configuration becomes two seconds, every `for` of the alerts one. */
async function hurryPrometheus(folder: string): Promise<void> {
  const file = join(folder, 'compose/prometheus.yml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replaceAll(/^(\s*(?:scrape|evaluation)_interval:) .*$/gm, '$1 2s'));
  const rules = join(folder, 'prometheus/alerts.rules.yml');
  await writeFile(rules, (await readFile(rules, 'utf8')).replaceAll(/^(\s*for:) .*$/gm, '$1 1s'));
}

/** The first value that is something; looks again until then, as often as it takes. */
async function until<Value>(what: string, look: () => Promise<Value | undefined>): Promise<Value> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    let failure: unknown;
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      failure = error;
    }
    if (signal.aborted) throw new Error(`in ${PATIENCE_MS} ms it did not come to this: ${what}`, { cause: failure });
    await sleep(LOOK_AGAIN_MS);
  }
}
