// The first question about an object: a plain GET for its first wanted blocks over the best route, and beside it, over
// the same route, what proves them. The next route is asked when one fails, refuses, or does not answer in time.
import type { ProofPage } from '../../protocol/frames.ts';
import { HeddleError } from '../../protocol/errors.ts';
import type { Manifest } from '../../protocol/manifest.ts';
import { askRoute, raceRoutes, SecondBest } from './ask-site.ts';
import type { InterceptedRequest } from './exchange.ts';
import type { PlainAnswer } from './plain-answer.ts';
import { BLOCK_BYTES } from './plan.ts';
import type { Split } from './plan.ts';
import { fetchPages } from './proof.ts';
import type { PlainRoute } from './route-book.ts';
import type { Site } from './site.ts';
import { isRefusal, viewOf } from './view.ts';
import type { ObjectView } from './view.ts';

/** An answer that brings an object's bytes, and what proves them. */
export type ObjectLead = {
  readonly type: 'object';
  readonly view: ObjectView;
  readonly answer: PlainAnswer;
  readonly route: PlainRoute;
  readonly manifest: Manifest;
  readonly pages: Promise<readonly ProofPage[]>;
};

/** What became of the lead: see `View` for 'again' and 'stale'. */
export type Lead =
  | ObjectLead
  | { readonly type: 'pass'; readonly answer: PlainAnswer }
  | { readonly type: 'again' | 'stale' };

/** Asks for the lead of a split request. Rejects with the error of the best route when none answers. */
export function askForLead(site: Site, request: InterceptedRequest, plan: Split, signal: AbortSignal): Promise<Lead> {
  const mayNeedMore = mayNeedTransfer(plan, site.manifests.get(plan.key)?.size);
  const first = raceRoutes(site, (route, ended) => leadOver(route, site, request, plan, ended), signal);
  // behind the questions: to dial takes the time of a short answer
  if (mayNeedMore) site.dialAhead();
  return first;
}

/** The answer to the request as it is, but for the object's own path over the best route. */
export function askPlainly(
  site: Site,
  request: InterceptedRequest,
  key: string,
  signal: AbortSignal,
): Promise<PlainAnswer> {
  const { method, headers, headersTimeoutMs } = request;
  const routed = { method, key, headers, headersTimeoutMs, lead: undefined };
  return raceRoutes(
    site,
    async (route, ended) => {
      const answer = await askRoute(site, route, routed, ended);
      if (isRefusal(answer)) throw new SecondBest(answer, answer);
      return answer;
    },
    signal,
  );
}

/** Learns the object's size, if a route tells it; what is wrong then shows when the object is asked for. */
export async function learnSize(site: Site, key: string, signal: AbortSignal): Promise<void> {
  try {
    const fetch = (route: PlainRoute, ended: AbortSignal): Promise<Manifest> => site.manifests.fetch(route, key, ended);
    site.manifests.keep(await raceRoutes(site, fetch, signal));
  } catch (error) {
    if (signal.aborted) throw error;
  }
}

async function leadOver(
  route: PlainRoute,
  site: Site,
  request: InterceptedRequest,
  plan: Split,
  ended: AbortSignal,
): Promise<Lead> {
  const { key, lead } = plan;
  const known = site.manifests.get(key);
  const beside = known === undefined ? site.manifests.fetch(route, key, ended) : undefined;
  beside?.catch(() => undefined);
  const provesItself = lead === undefined || (known !== undefined && known.size <= BLOCK_BYTES);
  const askForNodes = async (): Promise<readonly ProofPage[]> =>
    provesItself ? [] : await fetchPages(route, key, lead, ended);
  // a single block is whole before its nodes matter; behind more of them these would be late
  const before = lead !== undefined && lead.to - lead.from > BLOCK_BYTES ? askForNodes() : undefined;
  const { headers, headersTimeoutMs } = request;
  const asked = askRoute(site, route, { method: 'GET', key, headers, headersTimeoutMs, lead }, ended);
  const nodes = before ?? askForNodes();
  const answer = await asked;
  const view = viewOf(plan, answer);
  if (view.type === 'pass') return { type: 'pass', answer };
  if (view.type === 'refused') throw new SecondBest<Lead>({ type: 'pass', answer }, answer);
  if (view.type === 'object') {
    try {
      const manifest = await agreeing(view, [
        async () => known,
        async () => beside,
        () => site.manifests.fetch(route, key, ended),
      ]);
      site.manifests.keep(manifest);
      // one block is proven by the root alone
      const pages = view.size <= BLOCK_BYTES ? Promise.resolve([]) : nodes;
      return { type: 'object', view, answer, route, manifest, pages };
    } catch (error) {
      answer.destroy();
      throw error;
    }
  }
  answer.destroy();
  if (view.type === 'unfit') throw new HeddleError('corrupt', `route ${route.name}: ${view.why}`, { side: 'remote' });
  return view;
}

/** The first manifest that says what the answer says. The object may have changed between the two. */
async function agreeing(
  view: ObjectView,
  sources: readonly (() => Promise<Manifest | undefined>)[],
): Promise<Manifest> {
  for (const source of sources) {
    const manifest = await source();
    if (manifest?.etag === view.etag && manifest.size === view.size) return manifest;
  }
  throw new HeddleError('bad-manifest', 'the manifest and the answer speak of different objects', { side: 'remote' });
}

function mayNeedTransfer({ lead, wanted }: Split, size: number | undefined): boolean {
  if (lead === undefined) return size === undefined || size > BLOCK_BYTES;
  const end = Math.min(wanted?.to ?? Number.POSITIVE_INFINITY, size ?? Number.POSITIVE_INFINITY);
  return end > lead.to;
}
