// The dashboards and what Grafana loads them by: whole, explained, and asking only what Prometheus understands. That every
// question has an answer is shown against a live Prometheus in end-to-end/dashboards.test.ts.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { expressionsOf, readDashboards } from '../support/dashboards.ts';
import type { Panel } from '../support/dashboards.ts';
import { hasPrometheus, promtool, WITHOUT_PROMETHEUS } from '../support/promtool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/grafana');
const dashboards = readDashboards();

test('there is one for all, one for relays, one for origins, one for the routes of clients', () => {
  expect(dashboards.map(({ uid }) => uid)).toEqual([
    'heddle-client',
    'heddle-origin',
    'heddle-overview',
    'heddle-relay',
  ]);
});

describe.each(dashboards)('$title', ({ panels, templating, description, ...dashboard }) => {
  const asking = panels.filter(({ type }) => type !== 'row');

  test('says what it shows, as does every panel', () => {
    expect(description.length).toBeGreaterThan(30);
    for (const { title, description: text = '', targets = [] } of asking) {
      expect(title).not.toBe('');
      expect(text.length, title).toBeGreaterThan(8);
      expect(targets.length, title).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
    }
  });

  test('has panels with ids of their own that do not overlap', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const [at, one] of panels.entries()) {
      expect(one.gridPos.x + one.gridPos.w, one.title).toBeLessThanOrEqual(24);
      for (const other of panels.slice(at + 1))
        expect(overlaps(one, other), `${one.title}, ${other.title}`).toBe(false);
    }
  });

  test('uses the variables that it has, and no others', () => {
    const text = JSON.stringify(asking);
    const used = new Set([...text.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name));
    used.delete('__rate_interval');
    expect(used).toEqual(new Set(templating.list.map(({ name }) => name)));
  });

  test.skipIf(!hasPrometheus)(`asks what promtool understands${WITHOUT_PROMETHEUS}`, async () => {
    const expressions = expressionsOf({ ...dashboard, description, panels, templating });
    const rules = expressions.map(({ expression }, at) => ({ record: `panel:${at}`, expr: expression }));
    expect(rules.length).toBeGreaterThan(10);
    await using folder = await temporaryFolder();
    await writeFile(folder.file('panels.yml'), JSON.stringify({ groups: [{ name: 'panels', rules }] }));
    const { code, said } = await promtool(['check', 'rules', folder.file('panels.yml')]);
    expect(code, said).toBe(0);
  });
});

function overlaps({ gridPos: one }: Panel, { gridPos: other }: Panel): boolean {
  const beside = one.x + one.w <= other.x || other.x + other.w <= one.x;
  return !beside && one.y < other.y + other.h && other.y < one.y + one.h;
}

describe('provisioning', () => {
  const read = async (name: string): Promise<unknown> =>
    parse(await readFile(join(FOLDER, 'provisioning', name), 'utf8'));

  test('loads the dashboards from where the folder is mounted, and Prometheus under the name it has in compose', async () => {
    expect(await read('dashboards/heddle.yaml')).toMatchObject({
      apiVersion: 1,
      providers: [{ type: 'file', options: { path: '/etc/grafana/heddle/dashboards' } }],
    });
    expect(await read('datasources/heddle.yaml')).toMatchObject({
      apiVersion: 1,
      datasources: [{ type: 'prometheus', url: 'http://prometheus:9090', isDefault: true }],
    });
  });
});
