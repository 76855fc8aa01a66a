// The manifests of deploy/kubernetes as kustomize makes them, and what the compiler thinks of them: each becomes a literal of
// its type in `kubernetes-types`, so that an unknown, missing or mistyped field is an error of tsc.
import { execFile } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

export const KUBERNETES: string = join(ROOT, 'deploy/kubernetes');

/** A manifest, as far as every one is the same. */
export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels };
  readonly data?: Readonly<Record<string, string>>;
};

export type Labels = Readonly<Record<string, string>>;

/** False where no kubectl can build what is here (labels, components): the test says so. */
export async function hasKubectl(): Promise<boolean> {
  const version = await run('kubectl', ['version', '--client']).catch(() => ({ stdout: '' }));
  return Number(/^Kustomize Version: v(\d+)/m.exec(version.stdout)?.[1] ?? 0) >= 5;
}

/** All manifests of a kustomization. Throws what kubectl says. */
export async function kustomize(folder: string): Promise<Manifest[]> {
  const { stdout, stderr } = await run('kubectl', ['kustomize', folder]);
  if (stderr !== '') throw new Error(stderr);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
}

/** Where the types of an API group are; custom resources have theirs in this file. */
const TYPES_OF: Readonly<Record<string, string>> = {
  v1: 'kubernetes-types/core/v1',
  'apps/v1': 'kubernetes-types/apps/v1',
  'policy/v1': 'kubernetes-types/policy/v1',
  'networking.k8s.io/v1': 'kubernetes-types/networking/v1',
  'monitoring.coreos.com/v1': './service-monitor.ts',
};

/** The part of the Prometheus operator's type that is in use here. */
const SERVICE_MONITOR = `import type { LabelSelector, ObjectMeta } from 'kubernetes-types/meta/v1';
export interface ServiceMonitor {
  apiVersion: 'monitoring.coreos.com/v1';
  kind: 'ServiceMonitor';
  metadata: ObjectMeta;
  spec: {
    selector: LabelSelector;
    namespaceSelector?: { any?: boolean; matchNames?: string[] };
    endpoints: {
      port: string;
      path?: string;
      scheme?: 'http' | 'https';
      interval?: string;
      scrapeTimeout?: string;
      relabelings?: { sourceLabels?: string[]; targetLabel?: string; action?: string; regex?: string }[];
    }[];
  };
}
`;

/** What tsc says of the manifests: nothing when they are right, else one line each, naming kind and name. */
export async function typeFaults(manifests: readonly Manifest[]): Promise<string[]> {
  await using folder = await temporaryFolder();
  await symlink(join(ROOT, 'node_modules'), folder.file('node_modules'));
  await writeFile(folder.file('package.json'), '{"type":"module"}');
  await writeFile(folder.file('service-monitor.ts'), SERVICE_MONITOR);
  for (const [at, manifest] of manifests.entries()) {
    const { apiVersion, kind } = manifest;
    const source = TYPES_OF[apiVersion];
    if (source === undefined) throw new Error(`no types are known for ${apiVersion} ${kind}`);
    const literal = JSON.stringify(manifest, undefined, 2);
    const text = `import type { ${kind} } from '${source}';\nexport const manifest: ${kind} = ${literal};\n`;
    await writeFile(folder.file(`manifest-${at}.ts`), text);
  }
  const files = manifests.map((_, at) => `manifest-${at}.ts`);
  const options = ['--strict', '--noEmit', '--module', 'preserve', '--skipLibCheck', '--pretty', 'false'];
  const extensions = ['--allowImportingTsExtensions', '--types', ''];
  const args = [join(ROOT, 'node_modules/typescript/bin/tsc'), ...options, ...extensions, ...files];
  const { stdout } = await run(process.execPath, args, { cwd: folder.path }).catch(
    (error: unknown) => error as { stdout: string },
  );
  return stdout
    .split('\n')
    .filter((line) => line.includes('error TS'))
    .map((line) => {
      const { kind, metadata } = manifests[Number(/^manifest-(\d+)/.exec(line)?.[1])] ?? {};
      return `${kind} ${metadata?.name}: ${line.replace(/^.*error (TS\d+): /, '$1: ')}`;
    });
}
