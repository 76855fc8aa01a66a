// The page as it is sent: one document that needs nothing from elsewhere, and a policy that allows exactly it.
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { inOneScript } from '../../../client/control/page/one-script.ts';
import { readPage } from '../../../client/control/page/page.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

describe('the document', () => {
  test('holds its only style and script, and the policy names both by what they hash to', async () => {
    const { html, contentSecurityPolicy } = await readPage();
    const inside = (tag: string): string[] =>
      [...html.matchAll(new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`, 'g'))].map(([, text = '']) => text);
    const hashes = [...inside('script'), ...inside('style')].map(
      (text) => `sha256-${createHash('sha256').update(text).digest('base64')}`,
    );
    expect(hashes).toHaveLength(2);
    for (const hash of hashes) expect(contentSecurityPolicy).toContain(`'${hash}'`);
    expect(contentSecurityPolicy).toMatch(/^default-src 'none'; connect-src 'self'; /);
    expect(contentSecurityPolicy).not.toMatch(/unsafe|\*|https?:/);
  });

  test('names no other address, no inline style and no inline handler', async () => {
    const { html } = await readPage();
    expect(html.match(/https?:\/\/[^\s'")]+/g)?.filter((url) => !url.startsWith('http://www.w3.org/'))).toEqual([]);
    expect(html).not.toMatch(/\s(?:style|on\w+)="/);
    expect(html).not.toMatch(/innerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/);
  });
});

describe('modules as one script', () => {
  async function scriptOf(modules: Readonly<Record<string, string>>): Promise<string> {
    await using folder = await temporaryFolder();
    await mkdir(folder.path, { recursive: true });
    for (const [name, text] of Object.entries(modules)) await writeFile(join(folder.path, `${name}.ts`), text);
    return await inOneScript(folder.path, 'main');
  }

  test('each keeps its own names, whatever the order of imports, and types are gone', async () => {
    const script = await scriptOf({
      main: "import type { T } from './a.ts';\nimport {\n  one,\n  Two,\n} from './a.ts';\nimport { three } from './b.ts';\nconst own: T = 1;\n(globalThis as any).told = [one(), new Two().value, three, own];\n",
      a: "import { three } from './b.ts';\nexport type T = number;\nconst own = 10;\nexport function one(): T { return own + three; }\nexport class Two { readonly value: number = 2; }\n",
      b: "const own = '$&$1';\nexport const three = own.length;\n",
    });
    const told = runInNewContext(`${script}; globalThis.told`);
    expect(Array.from(told)).toEqual([14, 2, 4, 1]);
  });

  test.each([
    ['an import from elsewhere', { main: "import { a } from '../a.ts';\n" }],
    ['an import of everything', { main: "import * as a from './a.ts';\n", a: 'export const b = 1;\n' }],
    ['a list of exports', { main: 'const a = 1;\nexport { a };\n' }],
    ['modules that need each other', { main: "import { a } from './a.ts';\n", a: "import { b } from './main.ts';\n" }],
    ['the end of a script element', { main: "const a = '</script>';\n" }],
  ])('refuses %s', async (_, modules) => {
    await expect(scriptOf(modules)).rejects.toMatchObject({ code: 'internal' });
  });
});
