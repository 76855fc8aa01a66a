// The modules of a folder as one script for a browser: each becomes a function of its own that returns its exports, in the
// order in which they need each other. In a checkout their types are stripped on the way; in the published build they are
// JavaScript already. Knows just what these modules use: named imports from the same folder, exported declarations.
import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { extname, join } from 'node:path';
import { HeddleError } from '../../../protocol/errors.ts';

/** This file's own extension is that of all others: .ts in a checkout, .js when built. */
const EXTENSION = extname(import.meta.filename);
const IMPORT = /^import \{([^}]*)\} from '\.\/([\w-]+)\.(?:ts|js)';$/gm;
const EXPORT = /^export (?=(?:async function|function|class|const) (\w+))/gm;
const EMPTY_EXPORT = /^export \{\};$/gm;

/** The script of `entry` and all it imports. */
export async function inOneScript(folder: string, entry: string): Promise<string> {
  const parts = new Map<string, string>();
  await addModule(folder, entry, parts, []);
  const script = `const modules = {};\n${[...parts.values()].join('')}`;
  // would end the element that the script stands in
  if (/<\/script|<!--/i.test(script)) throw new HeddleError('internal', 'a module of the page names a tag of HTML');
  return script;
}

async function addModule(
  folder: string,
  name: string,
  parts: Map<string, string>,
  above: readonly string[],
): Promise<void> {
  if (parts.has(name)) return;
  if (above.includes(name)) throw new HeddleError('internal', `the page's ${name} imports itself`);
  const text = await readFile(join(folder, name + EXTENSION), 'utf8');
  const source = EXTENSION === '.ts' ? withoutTypes(text) : text;
  for (const [, , needed = ''] of source.matchAll(IMPORT)) await addModule(folder, needed, parts, [...above, name]);
  const exported = [...source.matchAll(EXPORT)].map(([, declared]) => declared);
  const body = source
    .replace(IMPORT, (_, names: string, from: string) => `const {${names}} = modules['${from}'];`)
    .replace(EXPORT, '')
    .replace(EMPTY_EXPORT, '');
  const left = /^(?:import|export)\b.*/m.exec(body);
  if (left !== null) throw new HeddleError('internal', `the page's ${name} says what it cannot: ${left[0]}`);
  parts.set(name, `modules['${name}'] = (() => {\n${body}\nreturn { ${exported.join(', ')} };\n})();\n`);
}

/** Node strips types from every source of a checkout without a word, and warns only when it is asked to. */
function withoutTypes(source: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
}
