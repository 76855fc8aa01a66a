// Holds the direction of imports and the shape of the sources over the whole checkout, and feeds every rule a source
// that breaks it, so that a rule that cannot fail, or a run that read nothing, is noticed.
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importRules } from './architecture/import-rules.ts';
import type { Example, Rule } from './architecture/rule.ts';
import { readSourceFile } from './architecture/source-file.ts';
import type { SourceFile } from './architecture/source-file.ts';
import { sourceRules } from './architecture/source-rules.ts';

const root = join(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};
const rules: readonly Rule[] = [...importRules(Object.keys(manifest.dependencies)), ...sourceRules];
const files = readCheckout();

describe.each(rules)('$name', (rule) => {
  const subjects = files.filter(({ path }) => rule.appliesTo(path));

  test('saw what it judges', () => {
    expect(subjects.length, `${rule.name}: no file was read`).toBeGreaterThan(0);
    if (rule.readsImports !== true) return;
    const seen = subjects.reduce((count, { imports }) => count + imports.length, 0);
    expect(seen, `${rule.name}: ${subjects.length} files and not one import: they were not understood`).toBeGreaterThan(
      0,
    );
  });

  test('holds', () => {
    const lines = subjects.flatMap((file) => faultLines(rule, file));
    if (lines.length > 0) expect.fail(`${rule.why}\n${lines.join('\n')}`);
  });

  test('can fail: refuses every bad source', () => {
    expect(rule.bad.filter((example) => faultLines(rule, read(rule, example)).length === 0)).toEqual([]);
    expect(rule.bad).not.toEqual([]);
  });

  test('allows a good source', () => {
    expect(faultLines(rule, read(rule, rule.good))).toEqual([]);
  });
});

test('a source that does not end is an error', () => {
  expect(() => readSourceFile('client/example.ts', "const a = 'open;\n")).toThrow('client/example.ts:1');
});

function faultLines(rule: Rule, file: SourceFile): string[] {
  return rule.faultsOf(file).map(({ line, what }) => `${file.path}:${line}: ${what}`);
}

function read(rule: Rule, { path, text }: Example): SourceFile {
  expect(rule.appliesTo(path), `${rule.name} does not look at its own example ${path}`).toBe(true);
  return readSourceFile(path, text);
}

function readCheckout(): SourceFile[] {
  const folders = '{protocol,settings,access,client,relay,origin,deploy,test,docs,.ci}/**/*';
  const texts = /(\.(ts|mjs|js|json|md|ya?ml|sh|conf|service|txt|rules)|Dockerfile|\/run|\.npmrc)$/;
  return globSync([folders, '*', '.npmrc', '.oxlintrc.json'], { cwd: root })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => texts.test(path) && !path.includes('node_modules/') && statSync(join(root, path)).isFile())
    .map((path) => readSourceFile(path, readFileSync(join(root, path), 'utf8')));
}
