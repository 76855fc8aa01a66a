// Who may import whom: one row per layer, the most specific first. Roles never import each other; what is pure stays
// below what touches sockets, clocks and disks. A row carries its reason and the sources that show that it bites.
import { posix } from 'node:path';
import { examples } from './rule.ts';
import type { Rule } from './rule.ts';
import type { Import } from './source-file.ts';

type Layer = {
  /** A file belongs to the first layer that has a prefix of its path. */
  readonly prefixes: readonly string[];
  readonly mayImport: readonly string[];
  /** Folders that only a dynamic or a type import may name: they are loaded when their command is run. */
  readonly mayLoad?: readonly string[];
  /** Pure: neither `node:` modules nor packages. */
  readonly pure?: true;
  readonly why: string;
  /** Path of the made-up sources. */
  readonly example: string;
  readonly bad: readonly string[];
  readonly good: string;
};

const layers: readonly Layer[] = [
  {
    prefixes: ['protocol/settings/'],
    mayImport: ['protocol/'],
    why: 'protocol/settings/ reads configuration files for every role and knows none of them: each role keeps its own table',
    example: 'protocol/settings/example.ts',
    bad: [
      "import { RELAY_SETTINGS } from '../../relay/settings.ts'",
      "import '../../client/config.ts'",
      "import 'vitest'",
    ],
    good: "import './x.ts'; import '../x.ts'; import 'node:path'; import { a } from 'yaml'",
  },
  {
    prefixes: ['protocol/access/'],
    mayImport: ['protocol/'],
    why: 'protocol/access/ decides for relays and origins alike whom a token lets in: one place to be right about it',
    example: 'protocol/access/example.ts',
    bad: ["import '../../relay/admission.ts'", "import { a } from '../../client/options.ts'", "import 'vitest'"],
    good: "import './x.ts'; import '../x.ts'; import 'node:crypto'; import { a } from 'jose'",
  },
  {
    prefixes: ['protocol/metrics/'],
    mayImport: ['protocol/'],
    why: 'protocol/metrics/ tells of the process and its settings for every role and knows none of them',
    example: 'protocol/metrics/example.ts',
    bad: ["import '../../relay/metrics.ts'", "import { a } from '../../client/metrics/x.ts'", "import 'vitest'"],
    good: "import './x.ts'; import '../errors.ts'; import 'node:perf_hooks'; import { a } from 'prom-client'",
  },
  {
    prefixes: ['protocol/'],
    mayImport: ['protocol/'],
    pure: true,
    why: 'protocol/ is shared by every role and pure: it may import nothing but protocol/',
    example: 'protocol/example.ts',
    bad: [
      "import '../client/core/x.ts'",
      "import 'node:crypto'",
      "import { a } from 'yaml'",
      "const a = import('node:fs')",
      "import { a } from './x'",
      "import { a } from './settings/text.ts'",
    ],
    good: "import { a } from './x.ts'; import type { B } from './y.ts'",
  },
  {
    prefixes: ['client/core/'],
    mayImport: ['client/core/', 'protocol/'],
    pure: true,
    why: 'client/core/ only decides: it may import nothing but client/core/ and protocol/, so that tests drive it on a virtual clock',
    example: 'client/core/example.ts',
    bad: [
      "import '../io/x.ts'",
      "import type { A } from 'node:net'",
      "export { a } from 'undici'",
      "import '../options.ts'",
      'const a = import(name)',
    ],
    good: "import a, { b as c } from './x.ts'; import * as d from '../../protocol/y.ts'",
  },
  {
    prefixes: ['client/io/'],
    mayImport: ['client/io/', 'client/core/', 'protocol/'],
    why: 'client/io/ is the hands below the public client: it may import client/io/, client/core/, protocol/, node: and dependencies',
    example: 'client/io/example.ts',
    bad: ["import '../client.ts'", "import '../../relay/x.ts'", "import { test } from 'vitest'"],
    good: "import '../core/x.ts'; import '../../protocol/x.ts'; import 'node:net'; import { a } from 'undici/lib/x.js'",
  },
  {
    prefixes: ['client/cli.ts', 'client/commands/'],
    mayImport: ['client/', 'protocol/'],
    mayLoad: ['origin/', 'relay/'],
    why: 'the command line may load origin/ and relay/ only when their command is run (`await import`), so that `heddle get` starts fast',
    example: 'client/commands/example.ts',
    bad: [
      "import { a } from '../../origin/main.ts'",
      "await import('../../test/x.ts')",
      "export * from '../../relay/x.ts'",
    ],
    good: "import type { A } from '../../relay/x.ts'; import '../options.ts'; await import('../../origin/main.ts')",
  },
  {
    prefixes: ['client/control/messages.ts', 'client/control/plain-request.ts'],
    mayImport: ['client/control/messages.ts', 'client/control/plain-request.ts', 'protocol/'],
    why: 'the shapes of the control interface are read by the page in a browser, where nothing of the client runs',
    example: 'client/control/messages.ts',
    bad: ["import type { ByteRange } from '../options.ts'", "import type { A } from './picture.ts'"],
    good: "import type { ErrorCode } from '../../protocol/errors.ts'",
  },
  {
    prefixes: ['client/control/page/browser/'],
    mayImport: ['client/control/page/browser/'],
    mayLoad: ['client/control/messages.ts', 'client/control/plain-request.ts'],
    why: 'the page runs in a browser as one script: its modules may import each other, and of the rest nothing but the types of what is told',
    example: 'client/control/page/browser/example.ts',
    bad: [
      "import { SAMPLE_MS } from '../../messages.ts'",
      "import '../page.ts'",
      "import '../../../../protocol/pattern.ts'",
    ],
    good: "import type { Progress } from '../../messages.ts'; import { say } from './elements.ts'",
  },
  {
    prefixes: ['client/'],
    mayImport: ['client/', 'protocol/'],
    why: 'roles never import each other: the client may import client/, protocol/, node: and dependencies',
    example: 'client/example.ts',
    bad: ["import '../origin/main.ts'", "await import('../relay/main.ts')", "import type { A } from '../relay/x.ts'"],
    good: "import './io/x.ts'; import './commands/x.ts'; import { b } from 'node:http'",
  },
  {
    prefixes: ['relay/'],
    mayImport: ['relay/', 'protocol/'],
    why: 'roles never import each other: the relay may import relay/, protocol/, node: and dependencies',
    example: 'relay/example.ts',
    bad: ["import '../origin/x.ts'", "import { a } from '../client/core/x.ts'"],
    good: "import './x.ts'; import '../protocol/x.ts'; import { a } from 'fastify'",
  },
  {
    prefixes: ['origin/'],
    mayImport: ['origin/', 'protocol/'],
    why: 'roles never import each other: the origin may import origin/, protocol/, node: and dependencies',
    example: 'origin/example.ts',
    bad: ["import '../relay/x.ts'", "import { a } from '../client/core/x.ts'"],
    good: "import './x.ts'; import '../protocol/x.ts'; import { a } from 'fastify'",
  },
];

/** One rule per layer; `dependencies` are the packages that the published package brings. */
export function importRules(dependencies: readonly string[]): Rule[] {
  return layers.map((layer) => ({
    name: `imports of ${layer.prefixes.join(' and ')}`,
    why: layer.why,
    readsImports: true,
    appliesTo: (path) => layerOf(path) === layer,
    faultsOf: ({ path, imports }) =>
      imports.flatMap((item) => {
        const what = problemOf(layer, path, item, dependencies);
        return what === undefined ? [] : [{ line: item.line, what }];
      }),
    bad: examples(layer.example, ...layer.bad),
    good: { path: layer.example, text: layer.good },
  }));
}

function layerOf(path: string): Layer | undefined {
  return layers.find((layer) => layer.prefixes.some((prefix) => path.startsWith(prefix)));
}

function problemOf(layer: Layer, path: string, item: Import, dependencies: readonly string[]): string | undefined {
  const { specifier } = item;
  if (specifier === undefined) return 'an import whose specifier is not a plain string cannot be checked';
  if (specifier.startsWith('.')) return problemOfFile(layer, posix.join(posix.dirname(path), specifier), item);
  if (layer.pure) return `imports ${specifier}`;
  if (specifier.startsWith('node:')) return undefined;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  return dependencies.includes(name)
    ? undefined
    : `imports ${name}, which is not among the dependencies of package.json`;
}

function problemOfFile(layer: Layer, target: string, item: Import): string | undefined {
  if (!target.endsWith('.ts')) return `imports ${target}, which does not end in .ts`;
  if (layer.pure && layerOf(target)?.pure !== true) return `imports ${target}, which is not pure`;
  const lazy = item.form === 'dynamic' || item.form === 'type';
  const allowed = [...layer.mayImport, ...(lazy ? (layer.mayLoad ?? []) : [])];
  return allowed.some((prefix) => target.startsWith(prefix)) ? undefined : `imports ${target}`;
}
