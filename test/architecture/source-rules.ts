// What every source must look like whatever it imports: purity of the core, erasable TypeScript, small files that say
// what they own, no barrels, nothing of one machine. Each rule carries its reason and the sources that show that it bites.
import { examples } from './rule.ts';
import type { Fault, Rule } from './rule.ts';
import type { SourceFile, Token } from './source-file.ts';

const MAX_LINES = 300;

/** Words for time, randomness, waiting and I/O, with what to do instead. */
const impureWords = new Map(
  [
    ['Date performance', 'time is the parameter `now`'],
    [
      'setTimeout setInterval setImmediate clearTimeout clearInterval queueMicrotask',
      'say a deadline; the shell arms the timer',
    ],
    ['Promise async await', 'a decision is made at once; what waits belongs to the shell'],
    ['crypto', 'randomness and hashes are passed in'],
    ['process Buffer console fetch require globalThis', 'I/O and the runtime belong to the shell'],
  ].flatMap(([words = '', instead = '']) => words.split(' ').map((word) => [word, instead] as const)),
);

/** What both ends of a wire and the simulator share. Configuration files, keys and metrics, which every role has, are apart. */
const isPure = (path: string): boolean =>
  path.startsWith('client/core/') || /^protocol\/(?!settings\/|access\/|metrics\/)/.test(path);

/** The rules that look at one source after another. */
export const sourceRules: readonly Rule[] = [
  {
    name: 'purity of protocol/ and client/core/',
    why: 'protocol/ and client/core/ are pure and deterministic, so that one seed replays a whole transfer',
    appliesTo: isPure,
    faultsOf: ({ tokens }) => tokens.flatMap((token, at) => impurityAt(tokens, at, token)),
    bad: examples(
      'client/core/example.ts',
      'const t = Date.now();',
      'const t = performance.now();',
      'setTimeout(f, 1);',
      'setInterval(f, 1);',
      'setImmediate(f);',
      'queueMicrotask(f);',
      'const p = new Promise(f);',
      'export type A = Promise<number>;',
      'export async function f() {}',
      'await f();',
      'const r = Math.random();',
      'const h = crypto.randomUUID();',
      'const e = process.env;',
      'const b = Buffer.alloc(1);',
      'const r = /"/; console.log(1);', // the quote is no string
      'const s = `a${`b${console.log(1)}`}`;', // code inside a template
      'const x = a / b; const t = Date.now(); const y = c / d;', // no regular expression
    ),
    good: {
      path: 'client/core/example.ts',
      text: '// Date.now()\nconst a = "await Date"; /* console */ const s = `process`; const r = /Date/; x.process(1); f({ crypto: 1 });',
    },
  },
  {
    name: 'no enum, no namespace',
    why: 'sources run as they are: only TypeScript that can be erased; use string-literal unions and `as const` tables',
    appliesTo: isSource,
    faultsOf: ({ tokens }) => tokens.flatMap((token, at) => notErasableAt(tokens, at, token)),
    bad: examples(
      'origin/example.ts',
      'export enum A { b }',
      'const enum A { b }',
      'namespace A { f(); }',
      'declare module A.B {}',
    ),
    good: {
      path: 'origin/example.ts',
      text: 'const namespace = 1; const a = { enum: namespace }; // enum A {}\nf(a.enum);',
    },
  },
  {
    name: 'no barrels',
    why: 'client/index.ts is the only barrel: import from the file that owns the thing',
    appliesTo: (path) => isSource(path) && path !== 'client/index.ts',
    faultsOf: ({ path, imports }) => [
      ...(path.endsWith('/index.ts') ? [{ line: 1, what: 'is an index.ts' }] : []),
      ...imports.filter(({ form }) => form === 're-export').map(({ line }) => ({ line, what: 're-exports' })),
    ],
    bad: [
      ...examples(
        'relay/example.ts',
        "export * from './a.ts'",
        "export { a } from './a.ts'",
        "export type { A } from './a.ts'",
      ),
      ...examples('relay/index.ts', 'const a = 1; export { a }'),
    ],
    good: {
      path: 'relay/example.ts',
      text: "import { b } from './b.ts'; const a = b; export { a }; export type A = number",
    },
  },
  {
    name: `at most ${MAX_LINES} lines`,
    why: 'a file is one idea, about 250 lines: divide it where its second idea begins',
    appliesTo: (path) => isSource(path) && !path.startsWith('test/'),
    faultsOf: ({ text }) => {
      const count = text.trimEnd().split('\n').length;
      return count > MAX_LINES ? [{ line: MAX_LINES + 1, what: `has ${count} lines` }] : [];
    },
    bad: examples('client/example.ts', 'f();\n'.repeat(MAX_LINES + 1)),
    good: { path: 'client/example.ts', text: 'f();\n'.repeat(MAX_LINES) },
  },
  {
    name: 'an opening comment',
    why: 'each file opens with two or three lines: what it owns, what it does not, its invariant',
    appliesTo: isSource,
    faultsOf: ({ text }) =>
      /^(#![^\n]*\n)?\s*(\/\/ ?\S|\/\*)/.test(text) ? [] : [{ line: 1, what: 'does not open with a comment' }],
    bad: examples('test/example.test.ts', "import './a.ts';\n// too late", '#!/usr/bin/env node\nf();', '//\nf();'),
    good: { path: 'client/cli.ts', text: '#!/usr/bin/env node\n// The command line.\n' },
  },
  {
    name: 'no paths of one machine',
    why: 'the checkout must work in any folder of any machine: make paths from import.meta.dirname or os.tmpdir()',
    appliesTo: () => true,
    faultsOf: (source) =>
      linesMatching(
        source,
        /(?<![\w.~-])\/(work|root|Users\/\w+|home\/(?!node\b|heddle\b)\w+)\//,
        'names a path of one machine',
      ),
    bad: examples(
      'README.md',
      inFolder('work', 'main'),
      `see ${inFolder('home', 'somebody/heddle')}`,
      `file://${inFolder('Users', 'me/x')}`,
      `"${inFolder('root', 'x')}"`,
    ),
    good: {
      path: 'deploy/Dockerfile',
      text: 'WORKDIR /app\nCOPY . /home/node/app\nGET /v1/objects/work/a https://x/work/b',
    },
  },
  {
    name: 'no download addresses in the lock file',
    why: 'the lock file must install from whatever registry npm is told to use (.npmrc: omit-lockfile-registry-resolved=true)',
    appliesTo: (path) => path === 'package-lock.json',
    faultsOf: (source) => linesMatching(source, /^\s*"resolved": "/, 'holds a download address'),
    bad: examples('package-lock.json', '{\n  "resolved": "https://registry.example/a.tgz"\n}'),
    good: {
      path: 'package-lock.json',
      text: '{\n  "integrity": "sha512-x",\n  "url": "https://example.org/funding"\n}',
    },
  },
];

function isSource(path: string): boolean {
  return path.endsWith('.ts');
}

/** A path put together, so that this file itself names none. */
function inFolder(folder: string, rest: string): string {
  return ['', folder, rest].join('/');
}

function impurityAt(tokens: readonly Token[], at: number, token: Token): Fault[] {
  if (!token.word || isMemberName(tokens, at)) return [];
  const instead = impureWords.get(token.text);
  if (instead !== undefined) return [{ line: token.line, what: `uses ${token.text}: ${instead}` }];
  const random = token.text === 'Math' && tokens[at + 2]?.text === 'random';
  return random ? [{ line: token.line, what: 'uses Math.random: randomness is passed in' }] : [];
}

/** `x.name`, `{ name: … }` and `readonly name: …` name a member, not the global. */
function isMemberName(tokens: readonly Token[], at: number): boolean {
  const before = tokens[at - 1]?.text ?? '';
  const after = tokens[at + 1]?.text ?? '';
  if (before === '.' || before === '?.') return true;
  return (after === ':' || after === '?') && ['{', ',', ';', 'readonly', '}'].includes(before);
}

function notErasableAt(tokens: readonly Token[], at: number, token: Token): Fault[] {
  const next = tokens[at + 1];
  if (isMemberName(tokens, at) || next?.word !== true || next.line !== token.line) return [];
  if (!['enum', 'namespace', 'module'].includes(token.text)) return [];
  const behind = tokens[at + 2]?.text;
  return behind === '{' || behind === '.' ? [{ line: token.line, what: `declares a ${token.text}` }] : [];
}

function linesMatching({ text }: SourceFile, pattern: RegExp, what: string): Fault[] {
  return text.split('\n').flatMap((line, index) => (pattern.test(line) ? [{ line: index + 1, what }] : []));
}
