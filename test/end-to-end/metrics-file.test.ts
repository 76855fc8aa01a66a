// `heddle get --metrics-file`, `heddle proxy --admin`, and the same by configuration file, as programs: what is in the file
// for the node exporter, when, and what happens when it cannot be written.
import { readFile, stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { objectBytes } from '../support/object-bytes.ts';
import { heddle, startProgram } from '../support/program.ts';
import { hasPrometheus, promtool, WITHOUT_PROMETHEUS } from '../support/promtool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const BYTES = 500_000;
const owned = new AsyncDisposableStack();
let world: World;
let folder: TemporaryFolder;
let route: string;

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': objectBytes(BYTES, 5) }));
  folder = owned.use(await temporaryFolder());
  route = `direct=${world.origin.url}`;
});
afterAll(() => owned.disposeAsync());

describe('heddle get --metrics-file', () => {
  test('leaves what it did, under the name of the file, readable by others and in one piece', async () => {
    const file = folder.file('nightly-models.prom');
    const { code } = await heddle(['get', 'a.bin', '-o', '/dev/null', '--route', route, '--metrics-file', file]);
    expect(code).toBe(0);
    const text = await readFile(file, 'utf8');
    const lines = text.split('\n');
    expect(lines).toContain('heddle_client_transfers_total{result="done",task="nightly-models"} 1');
    expect(lines).toContain(`heddle_client_bytes_total{route="direct",task="nightly-models"} ${BYTES}`);
    expect(lines).toContain('heddle_client_last_transfer_successful{task="nightly-models"} 1');
    expect(lines).toContain('heddle_client_route_share_ratio{route="direct",task="nightly-models"} 1');
    // what the node exporter says of itself, and what several files would say twice
    expect(text).not.toMatch(/^(process|nodejs)_/m);
    const series = lines.filter((line) => line !== '' && !line.startsWith('#'));
    expect(series.filter((line) => !line.includes('task="nightly-models"'))).toEqual([]);
    expect((await stat(file)).mode & 0o777).toBe(0o644);
    expect(await folder.list()).toEqual(['nightly-models.prom']);
    if (hasPrometheus) expect(await promtool(['check', 'metrics'], text)).toEqual({ code: 0, said: '' });
  });

  test('says how it failed', async () => {
    const file = folder.file('failing.prom');
    const { code } = await heddle(['get', 'none', '-o', '/dev/null', '--route', route, '--metrics-file', file]);
    expect(code).toBe(5);
    const lines = (await readFile(file, 'utf8')).split('\n');
    expect(lines).toContain('heddle_client_transfers_total{result="object-not-found",task="failing"} 1');
    expect(lines).toContain('heddle_client_last_transfer_successful{task="failing"} 0');
  });

  test('by the configuration file as well', async () => {
    const config = folder.file('client.yaml');
    await writeFile(config, `routes: [{name: direct, url: "${world.origin.url}"}]\nmetricsFile: from-file.prom\n`);
    const { code } = await heddle(['get', 'a.bin', '-o', '/dev/null', '--config', config]);
    expect(code).toBe(0);
    expect(await readFile(folder.file('from-file.prom'), 'utf8')).toContain('task="from-file"');
  });

  test('fetches nothing when the file cannot be written', async () => {
    const file = folder.file('no/such/folder.prom');
    const outcome = await heddle(['get', 'a.bin', '-o', world.output('x'), '--route', route, '--metrics-file', file]);
    expect(outcome.code).toBe(6);
    expect(outcome.stderr).toBe(
      `heddle: cannot write the metrics to ${file} (there is no such file or folder); its folder must exist (local-io)\n`,
    );
    expect(await world.outputs()).toEqual([]);
  });
});

describe('heddle proxy --admin', () => {
  test.each(['flag', 'file'])('serves what its transfers do, by %s', async (how) => {
    const config = folder.file(`proxy-${how}.yaml`);
    const admin = how === 'file' ? 'admin: 127.0.0.1:0\n' : '';
    await writeFile(config, `routes: [{name: direct, url: "${world.origin.url}"}]\n${admin}`);
    const flag = how === 'flag' ? ['--admin', '127.0.0.1:0'] : [];
    await using program = startProgram(['proxy', '--listen', '127.0.0.1:0', '--config', config, ...flag], {
      tethered: true,
    });
    const [, url, adminUrl] = await program.said(/^proxy listening on (http:\S+) \(admin on (http:\S+)\)/);
    const body = await (await fetch(`${url}/o/a.bin`)).arrayBuffer();
    expect(body.byteLength).toBe(BYTES);
    const text = await (await fetch(`${adminUrl}/metrics`)).text();
    const valueOf = (name: string): number =>
      Number(new RegExp(`^heddle_client_${name}\\{route="direct"\\} (\\d+)$`, 'm').exec(text)?.[1]);
    // the beginning comes by a plain request, the rest by a transfer
    expect(valueOf('bytes_total') + valueOf('lead_bytes_total')).toBe(BYTES);
    expect(valueOf('lead_bytes_total')).toBeGreaterThan(0);
    expect((await fetch(`${adminUrl}/readyz`)).status).toBe(200);
    if (hasPrometheus) expect(await promtool(['check', 'metrics'], text)).toEqual({ code: 0, said: '' });
  });

  test('says what is wrong with the address', async () => {
    const outcome = await heddle(['proxy', '--route', route, '--admin', 'nowhere']);
    expect([outcome.code, outcome.stderr]).toEqual([1, 'heddle: --admin takes HOST:PORT, not "nowhere" (usage)\n']);
  });
});

test.skipIf(hasPrometheus)(`promtool has looked at the file and the proxy${WITHOUT_PROMETHEUS}`, () => {});
