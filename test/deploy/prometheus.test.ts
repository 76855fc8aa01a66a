// What is delivered for Prometheus: promtool accepts all of it, every alert is shown to fire and to be silent, leads to a
// paragraph that says what to do, and every metric that is asked for exists.
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { hasPrometheus, promtool, WITHOUT_PROMETHEUS } from '../support/promtool.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/prometheus');
const GRAFANA = join(import.meta.dirname, '../../deploy/grafana');

type Rule = {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: { readonly severity: string };
  readonly annotations?: { readonly summary: string; readonly runbook: string };
};
type RuleFile = { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
type RuleTests = {
  readonly tests: readonly {
    readonly name: string;
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts?: readonly object[] }[];
  }[];
};

const text = (name: string): Promise<string> => readFile(join(FOLDER, name), 'utf8');
const rulesOf = async (name: string): Promise<Rule[]> =>
  (parse(await text(name)) as RuleFile).groups.flatMap(({ rules }) => rules);

describe.skipIf(!hasPrometheus)(`promtool${WITHOUT_PROMETHEUS}`, () => {
  test.each([
    ['check', 'rules', 'recording.rules.yml', 'alerts.rules.yml'],
    ['check', 'config', 'prometheus.yml'],
    ['test', 'rules', 'rules.test.yml', 'slow-rules.test.yml'],
  ])('%s %s %s', async (...args) => {
    const { code, said } = await promtool(args, '', FOLDER);
    expect(code, said).toBe(0);
    expect(said).toContain('SUCCESS');
  });
});

describe('every alert', async () => {
  const alerts = await rulesOf('alerts.rules.yml');
  const files = await Promise.all(['rules.test.yml', 'slow-rules.test.yml'].map(text));
  const tests = files.flatMap((file) => (parse(file) as RuleTests).tests);
  const guide = await text('README.md');

  test('has a name of its own', () => {
    const names = alerts.map(({ alert }) => alert);
    expect(names.length).toBeGreaterThan(20);
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(alerts.map(({ alert = '', ...rule }) => ({ alert, ...rule })))(
    '$alert fires and is silent in a test, and the guide says what to do',
    ({ alert, labels, annotations }) => {
      const shown = tests.flatMap((each) => each.alert_rule_test).filter(({ alertname }) => alertname === alert);
      expect(shown.some(({ exp_alerts: expected }) => expected !== undefined)).toBe(true);
      const quiet = tests.find(({ name }) => name === 'all is well')?.alert_rule_test ?? [];
      expect(quiet).toContainEqual({ eval_time: '110m', alertname: alert });
      expect(['critical', 'warning', 'info']).toContain(labels?.severity);
      expect(annotations?.runbook).toBe(`README.md#${alert.toLowerCase()}`);
      const paragraph = guide.split(`### ${alert}\n`)[1]?.split('\n### ')[0] ?? '';
      expect(paragraph.trim().length, 'the guide has a paragraph').toBeGreaterThan(80);
    },
  );
});

test('every recording rule is asked for by an alert or by the dashboard', async () => {
  const dashboards = globSync('dashboards/*.json', { cwd: GRAFANA });
  const texts = await Promise.all(dashboards.map((name) => readFile(join(GRAFANA, name), 'utf8')));
  const users = [await text('alerts.rules.yml'), await text('recording.rules.yml'), ...texts];
  const unused = (await rulesOf('recording.rules.yml')).flatMap(({ record = '' }) => {
    const uses = users.reduce((sum, each) => sum + each.split(record).length - 1, 0);
    return uses > 1 ? [] : [record]; // its own definition is one
  });
  expect(unused).toEqual([]);
});
