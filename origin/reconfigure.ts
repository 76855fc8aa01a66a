// What a running origin does with new options: keys, and the sizes and times that are looked up when they are used, count
// from now on; what lets nobody in any more ends with the next sweep. Everything that can fail is done first.
import { isDeepStrictEqual } from 'node:util';
import type { TokenCheck } from '../protocol/access/token-check.ts';
import type { Applied } from '../protocol/settings/reload.ts';
import { canChangeTls } from '../protocol/settings/tls.ts';
import type { TlsIdentity } from '../protocol/settings/tls.ts';
import type { Backend } from './backend.ts';
import type { Guard } from './guard.ts';
import type { OriginTuning, ResolvedOptions } from './options.ts';
import type { PublishedRoutes } from './published-routes.ts';
import type { RemoteTls } from './remote-client.ts';

/** The parts of an origin that can change while it runs. */
export type ChangingParts = {
  /** The options in force. */
  options: ResolvedOptions;
  /** The one object from which every part reads the sizes and times. */
  readonly tuning: Record<keyof OriginTuning, number>;
  readonly guard: Guard;
  readonly backend: Backend;
  readonly published: PublishedRoutes;
  tokenCheckOf(options: ResolvedOptions): Promise<TokenCheck | undefined>;
  setTls(identity: TlsIdentity): void;
};

/** Sizes and times that are looked at when the origin starts, and never again. */
const FIXED: ReadonlySet<string> = new Set<keyof OriginTuning>([
  'blockBytes',
  'cacheBytes',
  'idleBytes',
  'sweepMs',
  'proofCacheBytes',
  'smallFolderBytes',
  'smallFolderObjects',
  'hashThreads',
  'maxConnections',
  'keepAliveMs',
  'headersMs',
  'backendConnections',
  'backendAheadBytes',
]);

/** What a server that holds the objects is asked with. */
function tlsOf({ place }: ResolvedOptions): RemoteTls | undefined {
  return place.type === 'dir' ? undefined : place.tls;
}

/** The same but for the certificates. */
function isSamePlace({ place: before }: ResolvedOptions, { place: next }: ResolvedOptions): boolean {
  return isDeepStrictEqual({ ...before, tls: undefined }, { ...next, tls: undefined });
}

/** The setting that says where the objects are. */
function placeNameOf({ place }: ResolvedOptions): string {
  return place.type === 'dir' ? 'dir' : 'backend';
}

/** Makes `next` count; what a restart is needed for stays as it was. */
export async function reconfigure(parts: ChangingParts, next: ResolvedOptions): Promise<Applied> {
  const { options: before, tuning, guard } = parts;
  const check = await parts.tokenCheckOf(next);
  const changed: string[] = [];
  const waiting: string[] = [];
  const isBackendTls = !isDeepStrictEqual(tlsOf(before), tlsOf(next)) && isSamePlace(before, next);
  if (isBackendTls) {
    parts.backend.setTls?.(tlsOf(next) ?? {});
    changed.push('backend');
  } else if (!isDeepStrictEqual(before.place, next.place)) waiting.push(placeNameOf(next));
  for (const key of ['indexAhead', 'listen', 'admin', 'stateDir', 'signingKey'] as const) {
    if (!isDeepStrictEqual(before[key], next[key])) waiting.push(key);
  }
  for (const key of ['tokenKeys', 'audience', 'publishedRoutes'] as const) {
    if (!isDeepStrictEqual(before[key], next[key])) changed.push(key);
  }
  for (const name of Object.keys(tuning) as (keyof OriginTuning)[]) {
    if (before.tuning[name] === next.tuning[name]) continue;
    (FIXED.has(name) ? waiting : changed).push(`tuning.${name}`);
    if (!FIXED.has(name)) tuning[name] = next.tuning[name];
  }
  const setTls = !isDeepStrictEqual(before.tls, next.tls) && canChangeTls(before.tls, next.tls);
  if (!isDeepStrictEqual(before.tls, next.tls)) (setTls ? changed : waiting).push('tls');
  if (setTls && next.tls !== undefined) parts.setTls(next.tls);
  guard.replace(check);
  // also when nothing changed: times of the list may have
  parts.published.replace(next.publishedRoutes);
  // what waits for a restart is said again at the next reading
  const { tokenKeys, audience, publishedRoutes } = next;
  parts.options = {
    ...before,
    place: isBackendTls ? next.place : before.place,
    tokenKeys,
    audience,
    publishedRoutes,
    tuning: { ...tuning },
    tls: setTls ? next.tls : before.tls,
  };
  return { changed, waiting };
}
