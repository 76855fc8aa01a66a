// The manifests for three regions: what kustomize makes of them has the right types and hangs together, relay and origin take
// what the ConfigMaps hold, the commands of the guide are right, and a pod's settings move an object when they are run here.
import { writeFile } from 'node:fs/promises';
import type { Service } from 'kubernetes-types/core/v1.d.ts';
import type { LabelSelector } from 'kubernetes-types/meta/v1.d.ts';
import type { NetworkPolicy } from 'kubernetes-types/networking/v1.d.ts';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.d.ts';
import { describe, expect, test } from 'vitest';
import { heddle } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { hasKubectl, KUBERNETES, kustomize, typeFaults } from './kubernetes-manifests.ts';
import type { Manifest } from './kubernetes-manifests.ts';
import {
  ofKind,
  REGIONS,
  regionManifests,
  selects,
  settingsIn,
  withServiceMonitor,
  workloadsIn,
} from './kubernetes-workloads.ts';

const MEBIBYTE = 1_048_576;

const found = await hasKubectl();
const why = found ? '' : ' (skipped: there is no kubectl of 1.27 or later here, which builds kustomizations)';

describe.skipIf(!found)(`manifests${why}`, () => {
  test('have the types of the API, and one of them may say nothing unknown', async () => {
    const regions = await Promise.all(REGIONS.map(regionManifests));
    const all = [...regions.flat(), ...(await kustomize(`${KUBERNETES}/loader`)), ...(await withServiceMonitor())];
    expect(all.length).toBeGreaterThan(30);
    expect(await typeFaults(all)).toEqual([]);
    const relay = JSON.stringify(regions[0]?.find(({ kind }) => kind === 'Deployment'));
    const mistakes = [
      relay.replace('"readinessProbe"', '"readynessProbe"'),
      relay.replace('"replicas":2', '"replicas":"2"'),
      relay.replace(/"args":\[[^\]]*\]/, '"args":"relay"'),
      relay.replace(/"selector":\{[^}]*\}\},/, ''),
      relay.replace('"drop"', '"dropp"'),
    ];
    for (const mistake of mistakes) expect(mistake).not.toBe(relay);
    const faults = await typeFaults(mistakes.map((text) => JSON.parse(text) as Manifest));
    expect(faults).toHaveLength(mistakes.length);
    for (const fault of faults) expect(fault).toMatch(/^Deployment relay: TS\d+: /);
  });

  test.each(REGIONS)('of %s hang together: selectors, ports, volumes', async (region) => {
    const all = await regionManifests(region);
    const workloads = workloadsIn(all);
    expect(workloads.map(({ name }) => name)).toEqual(region === 'eu' ? ['relay', 'origin'] : ['relay']);
    for (const { metadata, kind } of all)
      if (kind !== 'Namespace') expect(metadata.namespace, metadata.name).toBe('heddle');
    for (const { name, labels, selector, pod } of workloads) {
      expect(labels).toMatchObject({ 'app.kubernetes.io/name': `heddle-${name}`, 'heddle/region': region });
      expect(selects(selector, labels)).toBe(true);
      const [container] = pod.containers;
      const ports = new Map(container?.ports?.map((port) => [port.name, port.containerPort]));
      const services = ofKind<Service>(all, 'Service').filter(({ spec }) => selects(spec?.selector, labels));
      expect(services.map((service) => service.metadata.name)).toEqual([name, `${name}-pods`]);
      for (const port of services.flatMap(({ spec }) => spec?.ports ?? [])) {
        expect(ports.get(String(port.targetPort))).toBe(port.port);
      }
      // only the headless service tells of pods, and only pods that are ready
      expect(services.map(({ spec }) => spec?.clusterIP)).toEqual([undefined, 'None']);
      expect(services.some(({ spec }) => spec?.publishNotReadyAddresses === true)).toBe(false);
      for (const probe of [container?.startupProbe, container?.livenessProbe, container?.readinessProbe]) {
        expect(ports.has(String(probe?.httpGet?.port))).toBe(true);
      }
      const guards = [...ofKind<PodDisruptionBudget>(all, 'PodDisruptionBudget')].map(({ spec }) => spec?.selector);
      const policies = ofKind<NetworkPolicy>(all, 'NetworkPolicy').map(({ spec }) => spec?.podSelector);
      const named = (selectors: (LabelSelector | undefined)[]): number =>
        selectors.filter((one) => one?.matchLabels !== undefined && selects(one.matchLabels, labels)).length;
      expect([named(guards), named(policies)]).toEqual([1, 1]);
      expect(policies).toContainEqual({});
      const volumes = pod.volumes?.map((volume) => volume.name) ?? [];
      const claimed = name === 'origin' ? ['state'] : [];
      expect([...volumes, ...claimed].toSorted()).toEqual(
        container?.volumeMounts?.map((mount) => mount.name).toSorted(),
      );
      // a file that is mounted alone is never renewed
      expect(container?.volumeMounts?.some(({ subPath }) => subPath !== undefined)).toBe(false);
    }
  });

  test.each(REGIONS)('of %s are hardened, and the pods stop later than what runs in them', async (region) => {
    const all = await regionManifests(region);
    for (const { name, pod } of workloadsIn(all)) {
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      const [container] = pod.containers;
      expect(container?.image).toMatch(/^registry\.example\/heddle:\d+\.\d+\.\d+$/);
      expect(container?.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      const settings = settingsIn(all, name);
      const [deadlineMs, memory] =
        name === 'relay'
          ? [settings['limits']?.['drainDeadlineMs'], settings['limits']?.['bufferBudgetBytes']]
          : [settings['tuning']?.['drainMs'], settings['tuning']?.['cacheBytes']];
      const before = Number((container?.lifecycle?.preStop as { sleep?: { seconds: number } })?.sleep?.seconds);
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(before + Number(deadlineMs) / 1_000 + 5);
      const limit = Number(
        /^(\d+)Mi$/.exec(String(container?.resources?.limits?.['memory']).replace('1Gi', '1024Mi'))?.[1],
      );
      expect(limit * MEBIBYTE - Number(memory)).toBe((name === 'relay' ? 384 : 768) * MEBIBYTE);
      expect(container?.resources?.limits?.['cpu']).toBeUndefined();
      expect(container?.resources?.requests).toMatchObject({ cpu: expect.any(String), memory: expect.any(String) });
    }
  });

  test.each(REGIONS)('of %s hold settings that the program takes', async (region) => {
    await using folder = await temporaryFolder();
    for (const { data = {} } of ofKind<object>(await regionManifests(region), 'ConfigMap')) {
      for (const [name, text] of Object.entries(data)) {
        await writeFile(folder.file(name), text);
        const { code, stderr } = await heddle([
          'config',
          'check',
          folder.file(name),
          '--role',
          name.replace('.yaml', ''),
        ]);
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      }
    }
    expect(await folder.list()).toEqual(region === 'eu' ? ['origin.yaml', 'relay.yaml'] : ['relay.yaml']);
  });

  test('of the three regions lead to one origin; the relays of ap also over those of eu', async () => {
    const upstreams = await Promise.all(
      REGIONS.map(async (region) => settingsIn(await regionManifests(region), 'relay')['upstreams']),
    );
    const main = 'https://origin.heddle.example:8443';
    expect(upstreams).toEqual([{ main }, { main }, { main, eu: 'https://relay-eu.heddle.example:9001' }]);
  });
});
