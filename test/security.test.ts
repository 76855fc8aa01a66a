// SECURITY.md is a list of threats with the test that shows what stands against each: every row
// of its two tables names a test that exists.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

const page = await readFile(join(ROOT, 'SECURITY.md'), 'utf8');
const rows = [...page.matchAll(/^\| (?!threat|-)([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].map(
  ([, threat = '', , shown = '']) => {
    const [, file = '', title = ''] = /^`(test\/[\w./-]+\.test\.ts)`: (.+)$/.exec(shown) ?? [];
    return { threat, file, title };
  },
);

const hostile = [...page.matchAll(/^\| (?!what|-)([^|]+)(?: \| [^|]+){3} \| ([^|]+) \|$/gm)].map(
  ([, what = '', shown = '']) => {
    const [, file = '', title = ''] = /^`(test\/[\w./-]+\.test\.ts)`: (.+)$/.exec(shown) ?? [];
    return { threat: what, file, title };
  },
);

test('every kind of hostile peer is in the list', () => {
  expect(hostile.length).toBeGreaterThan(20);
});

test('every kind of threat is in the list', () => {
  const threats = rows.map(({ threat }) => threat).join('\n');
  for (const word of [
    ...['open relay', 'request forgery', 'redirect', 'DNS rebinding', 'NAT64', 'traversal', 'symbolic links'],
    ...[
      'smuggling',
      'secrets in logs',
      'replay',
      'lead to each other',
      'pages of other sites',
      'revoked key',
      'prefix',
    ],
  ]) {
    expect(threats).toContain(word);
  }
});

test.each([...rows, ...hostile])('$threat', async ({ file, title }) => {
  const source = await readFile(join(ROOT, file), 'utf8');
  expect(
    [`('${title}',`, `("${title}",`].some((text) => source.replaceAll(/\(\s+/g, '(').includes(text)),
    title,
  ).toBe(true);
});
