// The guide to three regions: its commands are right, and what it says of pods is so: the settings of the pods, run as processes
// of this machine, move an object from origin to relay to client, answer the probes and stop when they are told.
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Service } from 'kubernetes-types/core/v1.d.ts';
import { describe, expect, test } from 'vitest';
import { OTHER_CERTIFICATE, OTHER_KEY, TEST_CERTIFICATE, TEST_KEY } from '../relay/tls-fixture.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { heddle, startProgram } from '../support/program.ts';
import type { Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { lastLine } from '../support/world.ts';
import { blocksOf, commandsOf } from './guide-page.ts';
import { hasKubectl, KUBERNETES, kustomize } from './kubernetes-manifests.ts';
import type { Labels, Manifest } from './kubernetes-manifests.ts';
import { ofKind, REGIONS, regionManifests, selects, withServiceMonitor, workloadsIn } from './kubernetes-workloads.ts';

const run = promisify(execFile);
const BYTES = objectBytes(3_000_000, 5);

const found = await hasKubectl();
const why = found ? '' : ' (skipped: there is no kubectl of 1.27 or later here, which builds kustomizations)';

describe.skipIf(!found)(`the guide${why}`, () => {
  test('gives commands that are right', async () => {
    await using folder = await temporaryFolder();
    await cp(KUBERNETES, folder.path, { recursive: true });
    await writeFile(folder.file('eu.crt'), TEST_CERTIFICATE);
    await writeFile(folder.file('eu.key'), TEST_KEY);
    for (const region of ['us', 'ap']) {
      await writeFile(folder.file(`${region}.crt`), OTHER_CERTIFICATE);
      await writeFile(folder.file(`${region}.key`), OTHER_KEY);
    }
    const made = new Set<string>();
    for (const block of await blocksOf(folder.file('README.md'))) {
      if (block.language === 'yaml' && block.word.endsWith('.yaml'))
        await writeFile(folder.file(block.word), block.text);
      if (block.language !== 'sh' || block.word !== '') continue;
      for (const command of commandsOf(block)) {
        const where = `README.md:${block.line}: ${command}`;
        const [program = '', ...args] = command.split(/\s+/);
        if (program === 'heddle') {
          const { code, stderr } = await heddle(args, { cwd: folder.path });
          expect({ code, stderr }, where).toEqual({ code: 0, stderr: '' });
        } else for (const manifest of await kubectl(args, folder)) made.add(manifest);
      }
    }
    // what the pods mount and nobody applies is what the guide makes
    const pods = (await Promise.all(REGIONS.map(regionManifests))).flatMap(workloadsIn);
    const secrets = pods.flatMap(({ pod }) => pod.volumes?.map(({ secret }) => secret?.secretName) ?? []);
    for (const secret of new Set(secrets)) if (secret !== undefined) expect(made).toContain(`Secret ${secret}`);
    expect(made).toContain('Deployment relay');
    expect(made).toContain('Pod loader');
  });

  test('has a service monitor for the operator, which finds the ports for metrics', async () => {
    const all = await withServiceMonitor();
    const [monitor] = all.filter(({ kind }) => kind === 'ServiceMonitor') as (Manifest & {
      spec: { selector: { matchLabels: Labels }; endpoints: { port: string }[] };
    })[];
    expect(monitor?.metadata.namespace).toBe('heddle');
    const services = ofKind<Service>(all, 'Service').filter(({ metadata }) =>
      selects(monitor?.spec.selector.matchLabels, metadata.labels ?? {}),
    );
    const scraped = services.filter(({ spec }) =>
      spec?.ports?.some(({ name }) => name === monitor?.spec.endpoints[0]?.port),
    );
    expect(scraped.map(({ metadata }) => metadata.name)).toEqual(['origin-pods', 'relay-pods']);
  });

  test('gives settings with which processes move an object, answer probes and stop in time', async () => {
    await using folder = await temporaryFolder();
    const all = await regionManifests('eu');
    await mkdir(folder.file('keys'));
    for (const name of ['tokens', 'origin']) {
      expect((await heddle(['keygen', '--out', folder.file(`keys/${name}`)])).code).toBe(0);
    }
    await using origin = await startPod(all, 'origin', folder, {});
    const [, originPort = ''] = await origin.said(/ on https:\/\/127\.0\.0\.1:(\d+)/);
    await using relay = await startPod(all, 'relay', folder, {
      'https://origin.heddle.example:8443': `https://localhost:${originPort}`,
    });
    const [, relayPort = ''] = await relay.said(/ on https:\/\/127\.0\.0\.1:(\d+)/);
    for (const [name, program] of Object.entries({ origin, relay })) {
      const [, admin = ''] = await program.said(/admin (?:on )?(http:[^\s)]+)/);
      const [container] = workloadsIn(all).find((workload) => workload.name === name)?.pod.containers ?? [];
      for (const probe of [container?.startupProbe, container?.livenessProbe, container?.readinessProbe]) {
        expect((await fetch(`${admin}${probe?.httpGet?.path}`)).status).toBe(200);
      }
      expect((await fetch(`${admin}/metrics`)).status).toBe(200);
    }
    const token = folder.file('heddle.token');
    const key = folder.file('keys/tokens.private.jwk');
    expect((await heddle(['token', '--key', key, '--for', '10min', '--out', token])).code).toBe(0);
    const outcome = await heddle(
      [
        ...['get', 'a.bin', '-o', folder.file('out.bin'), '--json', '--token-file', token],
        ...['--origin-key', folder.file('keys/origin.public.jwks')],
        ...['--route', `relay=https://localhost:${relayPort}/v1/via/main`],
        ...['--route', `direct=https://localhost:${originPort}`],
      ],
      { env: { NODE_EXTRA_CA_CERTS: folder.file('authority.pem') } },
    );
    expect({ code: outcome.code, stderr: outcome.stderr }).toEqual({ code: 0, stderr: '' });
    expect(lastLine(outcome)).toMatchObject({ type: 'done', verified: true });
    expect((await readFile(folder.file('out.bin'))).equals(BYTES)).toBe(true);
    relay.signal('SIGINT');
    origin.signal('SIGINT');
    expect([(await relay.ended).code, (await origin.ended).code]).toEqual([0, 0]);
  });
});

/** Runs a command of the guide without a cluster; the names of what would be made. */
async function kubectl(args: readonly string[], folder: TemporaryFolder): Promise<string[]> {
  const local = args.filter((word, at) => word !== '--context' && args[at - 1] !== '--context');
  if (local[0] === 'kustomize' || local[0] === 'apply') {
    expect(local.slice(0, -1)).toEqual(local[0] === 'apply' ? ['apply', '-k'] : ['kustomize']);
    return (await kustomize(folder.file(local.at(-1) ?? ''))).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  }
  const { stdout } = await run('kubectl', [...local, '--dry-run=client', '--output', 'json'], { cwd: folder.path });
  const { kind, metadata } = JSON.parse(stdout) as Manifest;
  expect(metadata.namespace).toBe('heddle');
  return [`${kind} ${metadata.name}`];
}

/** The container of the pod as a process: its mounts are folders of the test, its ports are free ones of the loopback. */
async function startPod(
  all: readonly Manifest[],
  name: string,
  folder: TemporaryFolder,
  exchanged: Readonly<Record<string, string>>,
): Promise<Program> {
  const [container] = workloadsIn(all).find((workload) => workload.name === name)?.pod.containers ?? [];
  const root = folder.file(name);
  const mounts = container?.volumeMounts?.map(({ mountPath }) => mountPath) ?? [];
  for (const path of mounts) await mkdir(root + path, { recursive: true });
  const secrets = {
    'token-keys/tokens.public.jwks': await readFile(folder.file('keys/tokens.public.jwks')),
    'signing-key/origin.private.jwk': await readFile(folder.file('keys/origin.private.jwk')),
    'tls/tls.crt': TEST_CERTIFICATE,
    'tls/tls.key': TEST_KEY,
  };
  for (const [path, text] of Object.entries(secrets)) {
    if (mounts.some((mount) => `/etc/heddle/${path}`.startsWith(`${mount}/`))) {
      await writeFile(`${root}/etc/heddle/${path}`, text);
    }
  }
  await writeFile(folder.file('authority.pem'), TEST_CERTIFICATE);
  if (name === 'origin') await writeFile(`${root}/srv/heddle/objects/a.bin`, BYTES);
  let text = all.find(({ metadata }) => metadata.name === `${name}-config`)?.data?.[`${name}.yaml`] ?? '';
  for (const [from, to] of Object.entries(exchanged)) text = text.replaceAll(from, to);
  text = text.replaceAll(/(?<=: )\/(?=etc|srv|var)/g, `${root}/`);
  text = text.replaceAll(/0\.0\.0\.0:\d+/g, '127.0.0.1:0');
  await writeFile(`${root}/etc/heddle/config/${name}.yaml`, text);
  const args = container?.args?.map((word) => (word.startsWith('/etc/') ? root + word : word)) ?? [];
  return startProgram(args, { tethered: true, env: { NODE_EXTRA_CA_CERTS: folder.file('authority.pem') } });
}
