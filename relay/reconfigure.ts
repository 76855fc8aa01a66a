// What a running relay does with new options: upstreams, limits and keys count from now on, sessions that they still allow
// go on. Everything that can fail is done before anything is changed.
import { isDeepStrictEqual } from 'node:util';
import type { TokenCheck } from '../protocol/access/token-check.ts';
import type { Applied } from '../protocol/settings/reload.ts';
import { canChangeTls } from '../protocol/settings/tls.ts';
import type { TlsIdentity } from '../protocol/settings/tls.ts';
import type { Admission } from './admission.ts';
import type { RelayLimits, ResolvedOptions, UpstreamTarget } from './options.ts';
import type { Upstream } from './upstream.ts';

/** The parts of a relay that can change while it runs. */
export type ChangingParts = {
  /** The options in force. */
  options: ResolvedOptions;
  /** The one object from which every part reads the limits. */
  readonly limits: Record<keyof RelayLimits, number>;
  readonly upstreams: Map<string, Upstream>;
  readonly admission: Admission<Upstream>;
  createUpstream(target: UpstreamTarget): Upstream;
  loadTokenCheck(options: ResolvedOptions): Promise<TokenCheck | undefined>;
  setMaxConnections(count: number): void;
  setTls(identity: TlsIdentity): void;
};

/** Limits that are looked at when the relay starts, and never again. */
const FIXED_LIMITS: ReadonlySet<string> = new Set(['headTimeoutMs']);

/** Makes `next` count; the parts keep what a restart is needed for as it was. */
export async function reconfigure(parts: ChangingParts, next: ResolvedOptions): Promise<Applied> {
  const { options: before, limits, admission } = parts;
  const tokenCheck = await parts.loadTokenCheck(next);
  const changed: string[] = [];
  const waiting: string[] = [];
  for (const key of ['listen', 'admin'] as const) if (!isDeepStrictEqual(before[key], next[key])) waiting.push(key);
  for (const key of ['tokenKeys', 'audience', 'insecureOpen'] as const) {
    if (!isDeepStrictEqual(before[key], next[key])) changed.push(key);
  }
  const changedLimits = (Object.keys(limits) as (keyof RelayLimits)[]).filter(
    (name) => before.limits[name] !== next.limits[name],
  );
  for (const name of changedLimits) {
    (FIXED_LIMITS.has(name) ? waiting : changed).push(`limits.${name}`);
    if (!FIXED_LIMITS.has(name)) limits[name] = next.limits[name];
  }
  if (!isDeepStrictEqual(before.tls, next.tls)) (canChangeTls(before.tls, next.tls) ? changed : waiting).push('tls');
  parts.setMaxConnections(limits.maxConnections);
  if (changed.includes('tls') && next.tls !== undefined) parts.setTls(next.tls);
  admission.replaceTokenCheck(tokenCheck);
  admission.tick(Date.now());
  changed.push(...changeUpstreams(parts, next));
  // what waits for a restart is said again at the next reading
  parts.options = {
    ...next,
    listen: before.listen,
    admin: before.admin,
    limits: { ...limits },
    tls: changed.includes('tls') ? next.tls : before.tls,
  };
  return { changed, waiting };
}

function changeUpstreams({ options, upstreams, createUpstream }: ChangingParts, next: ResolvedOptions): string[] {
  const changed: string[] = [];
  const wanted = new Map(next.upstreams.map((target) => [target.name, target]));
  for (const { name } of options.upstreams) {
    const target = wanted.get(name);
    if (target !== undefined && isDeepStrictEqual(upstreams.get(name)?.target, target)) continue;
    changed.push(`upstreams.${name}`);
    upstreams.get(name)?.close();
    upstreams.delete(name);
  }
  for (const [name, target] of wanted) {
    if (upstreams.has(name)) continue;
    if (!changed.includes(`upstreams.${name}`)) changed.push(`upstreams.${name}`);
    upstreams.set(name, createUpstream(target));
  }
  return changed;
}
