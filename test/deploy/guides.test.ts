// The guides: what they tell to write and to run is written and run, what they promise is seen, what they link to is there,
// and the settings, commands and metrics that they name exist.
import { execFile } from 'node:child_process';
import { access, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { CLIENT_SETTINGS } from '../../client/settings.ts';
import { ORIGIN_SETTINGS } from '../../origin/settings.ts';
import { RELAY_SETTINGS } from '../../relay/settings.ts';
import type { AnyTable } from '../../protocol/settings/setting.ts';
import { blocksOf } from './guide-page.ts';
import { playGuide } from './guide-player.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const GUIDES = join(ROOT, 'deploy/guides');

const names = (await readdir(GUIDES)).filter((name) => name.endsWith('.md'));
const pages = [
  ...names.map((name) => `deploy/guides/${name}`),
  ...['kubernetes', 'systemd', 'sysctl', 'config', 'docker', 'compose', 'grafana', 'prometheus'].map(
    (folder) => `deploy/${folder}/README.md`,
  ),
  ...['SECURITY.md', 'RELEASING.md'],
];

const missing = await Promise.all(
  ['bash', 'curl', 'cmp', 'head', 'tail'].map((command) =>
    run('which', [command]).then(
      () => undefined,
      () => command,
    ),
  ),
).then((all) => all.filter((command) => command !== undefined));
const why = missing.length === 0 ? '' : ` (skipped: there is no ${missing.join(', ')} here)`;

describe.skipIf(missing.length > 0)(`played${why}`, () => {
  test.each<[name: string, commands: number, files: number, seen: number]>([
    ['first-relay.md', 13, 3, 4],
    ['three-regions.md', 13, 5, 0],
    ['rotate-keys.md', 12, 4, 5],
    ['drain-and-roll.md', 12, 2, 1],
    ['read-the-dashboard.md', 6, 0, 2],
    ['size-a-relay.md', 3, 1, 0],
  ])('%s', { timeout: 120_000 }, async (name, commands, files, seen) => {
    expect(await playGuide(join(GUIDES, name))).toEqual({ commands, files, seen });
  });

  test('is every guide with commands', async () => {
    const withCommands = await Promise.all(
      names.map(async (name) => ((await blocksOf(join(GUIDES, name))).length > 0 ? [name] : [])),
    );
    expect(withCommands.flat().toSorted()).toEqual([
      'drain-and-roll.md',
      'first-relay.md',
      'read-the-dashboard.md',
      'rotate-keys.md',
      'size-a-relay.md',
      'three-regions.md',
    ]);
  });
});

describe.each(pages)('%s', (path) => {
  const page = join(ROOT, path);

  test('links to what is there', async () => {
    const text = await readFile(page, 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]*)(?:#[^)]*)?\)/g)) {
      if (target === '') continue;
      await expect(access(join(dirname(page), target)), `${target} in ${page}`).resolves.toBeUndefined();
    }
    for (const [, target = '', anchor = ''] of text.matchAll(/\]\((?!https?:)([^)#]*)#([^)]*)\)/g)) {
      const linked = await readFile(join(dirname(page), target === '' ? page : target), 'utf8');
      const anchors = [...linked.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replaceAll(/[^\w\s-]/g, '')
          .replaceAll(' ', '-'),
      );
      expect(anchors, `#${anchor} in ${target}`).toContain(anchor);
    }
  });

  test('names npm scripts and metrics that exist', async () => {
    const text = await readFile(page, 'utf8');
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    for (const [, script = ''] of text.matchAll(/npm run ([\w:-]+)/g)) expect(Object.keys(scripts)).toContain(script);
    const known = await sourcesText();
    for (const [name] of text.matchAll(/\b(?:heddle_(?:relay|origin|client|build)\w*|nodejs_\w+)\b/g)) {
      // collected by prom-client itself
      if (name === 'heddle_relay_' || name === 'heddle_origin_') continue;
      expect(known.includes(name), name).toBe(true);
    }
  });

  test('names settings that exist', async () => {
    const text = await readFile(page, 'utf8');
    const settings = new Set([CLIENT_SETTINGS, ORIGIN_SETTINGS, RELAY_SETTINGS].flatMap((table) => namesIn(table)));
    for (const [, name = ''] of text.matchAll(/`(?:limits\.|tuning\.)(\w+)`/g)) expect([...settings]).toContain(name);
    for (const [, name = ''] of text.matchAll(/`((?:max|drain)[A-Z]\w+|\w+(?:Bytes|Ms|Sessions))`/g)) {
      expect([...settings, 'giveUpMs', 'quotaBytes', 'maxBytes'], name).toContain(name);
    }
  });
});

/** Names of all settings below a table. */
function namesIn(table: AnyTable): string[] {
  return Object.entries(table).flatMap(([name, { members }]) => [
    name,
    ...(members === undefined ? [] : namesIn(members)),
  ]);
}

/** Every source that may register a metric, and the dashboards and rules, whose questions a live Prometheus answers. */
async function sourcesText(): Promise<string> {
  const files = await Promise.all(
    ['relay', 'origin', 'client', 'protocol', 'deploy/grafana', 'deploy/prometheus'].map(async (folder) => {
      const entries = await readdir(join(ROOT, folder), { recursive: true });
      return entries.filter((name) => /\.(?:ts|json|yml)$/.test(name)).map((name) => join(ROOT, folder, name));
    }),
  );
  return (await Promise.all(files.flat().map((file) => readFile(file, 'utf8')))).join('\n');
}
