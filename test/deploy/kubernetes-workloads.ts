// What tests ask of the manifests of deploy/kubernetes: which pods there are, what selects them, what they are told.
import { cp, readFile, writeFile } from 'node:fs/promises';
import type { Deployment, StatefulSet } from 'kubernetes-types/apps/v1.d.ts';
import type { PodSpec } from 'kubernetes-types/core/v1.d.ts';
import { ORIGIN_SETTINGS } from '../../origin/settings.ts';
import { RELAY_SETTINGS } from '../../relay/settings.ts';
import { read } from '../protocol/settings/mistakes.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { blocksOf } from './guide-page.ts';
import { KUBERNETES, kustomize } from './kubernetes-manifests.ts';
import type { Labels, Manifest } from './kubernetes-manifests.ts';

/** The overlays, each a cluster of its own. */
export const REGIONS = ['eu', 'us', 'ap'] as const;

/** The manifests of an overlay. */
export const regionManifests = (region: (typeof REGIONS)[number]): Promise<Manifest[]> =>
  kustomize(`${KUBERNETES}/overlays/${region}`);

/** Deployments and StatefulSets. */
export function workloadsIn(
  all: readonly Manifest[],
): { name: string; labels: Labels; selector: Labels; pod: PodSpec }[] {
  return all
    .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
    .map((manifest) => {
      const { spec } = manifest as unknown as Deployment | StatefulSet;
      return {
        name: manifest.metadata.name,
        labels: spec?.template.metadata?.labels ?? {},
        selector: spec?.selector.matchLabels ?? {},
        pod: spec?.template.spec as PodSpec,
      };
    });
}

export const ofKind = <Kind>(all: readonly Manifest[], kind: string): (Kind & Manifest)[] =>
  all.filter((manifest) => manifest.kind === kind) as (Kind & Manifest)[];

export const selects = (selector: Labels | undefined, labels: Labels): boolean =>
  selector !== undefined && Object.entries(selector).every(([key, value]) => labels[key] === value);

/** The region "eu" with the component of the guide. */
export async function withServiceMonitor(): Promise<Manifest[]> {
  await using folder = await temporaryFolder();
  await cp(KUBERNETES, folder.path, { recursive: true });
  const file = folder.file('overlays/eu/kustomization.yaml');
  const blocks = await blocksOf(folder.file('README.md'));
  const addition = blocks.find(({ word }) => word === 'kustomization')?.text ?? '';
  await writeFile(file, `${await readFile(file, 'utf8')}${addition}\n`);
  return await kustomize(folder.file('overlays/eu'));
}

/** What the server `name` reads in its pod. */
export function settingsIn(all: readonly Manifest[], name: string): Record<string, Record<string, unknown>> {
  const map = all.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === `${name}-config`);
  const text = map?.data?.[`${name}.yaml`] ?? '';
  const settings = name === 'relay' ? read(text, RELAY_SETTINGS) : read(text, ORIGIN_SETTINGS);
  return settings as unknown as Record<string, Record<string, unknown>>;
}
