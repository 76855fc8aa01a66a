// One intercepted request from beginning to end: the lead over the best route with its proof beside it, the head to the
// application, then the body (deliver.ts). Turns what fails into what a plain request would have failed with.
import { errors } from 'undici';
import { asHeddleError, HeddleError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { Application } from './application.ts';
import { deliver } from './deliver.ts';
import { askForLead, askPlainly, learnSize } from './lead.ts';
import type { PlainAnswer } from './plain-answer.ts';
import { asWritten, planOf } from './plan.ts';
import type { Plan, RequestShape } from './plan.ts';
import type { PlainHeaders } from './request-headers.ts';
import type { Site } from './site.ts';
import { headersOf } from './view.ts';

/** A request that is answered by a site: plain. */
export type InterceptedRequest = RequestShape & {
  readonly method: 'GET' | 'HEAD';
  readonly headers: PlainHeaders;
  readonly headersTimeoutMs: number | undefined;
};

/** Rounds of asking: the size first, a changed object, once more as the application wrote it. */
const MOST_ROUNDS = 5;
/** What a plain request knows as a broken connection. */
const BROKEN: readonly ErrorCode[] = [
  'unreachable',
  'connection-lost',
  'timeout',
  'overloaded',
  'draining',
  'no-route',
  'handshake-failed',
];

/** Answers `application`. `plan` is not 'pass'. Never rejects. */
export async function exchange(
  site: Site,
  request: InterceptedRequest,
  plan: Plan,
  application: Application,
): Promise<void> {
  try {
    await answer(site, request, plan, application);
  } catch (error) {
    application.error(asPlainError(error));
  }
}

async function answer(site: Site, request: InterceptedRequest, first: Plan, application: Application): Promise<void> {
  let plan = first;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    if (plan.type === 'pass') break;
    if (plan.type === 'plain')
      return forward(await askPlainly(site, request, plan.key, application.signal), application);
    if (plan.type === 'sized') {
      const { key } = plan;
      await learnSize(site, key, application.signal);
      plan = planOf(request, site.mappings, site.experience());
      if (plan.type === 'sized') plan = asWritten(key);
      continue;
    }
    const lead = await askForLead(site, request, plan, application.signal);
    if (lead.type === 'pass') return forward(lead.answer, application);
    if (lead.type === 'object') {
      const { view } = lead;
      const { status, statusText, headers } = lead.answer;
      application.head(view.status, view.status === status ? statusText : 'OK', headersOf(view, headers));
      return deliver(site, plan.key, lead, application);
    }
    if (lead.type === 'stale') site.manifests.forget(plan.key);
    plan = lead.type === 'again' ? asWritten(plan.key) : planOf(request, site.mappings, site.experience());
  }
  throw new HeddleError('object-changed', 'the object changes faster than it can be asked for', { side: 'remote' });
}

/** Shows an answer as it is. */
function forward(plain: PlainAnswer, application: Application): void {
  application.head(plain.status, plain.statusText, plain.headers);
  application.attach(plain.readInto(application));
}

/** undici's own errors stay; broken routes look like a broken connection; what is about trust is said as it is. */
function asPlainError(error: unknown): Error {
  if (error instanceof Error && !(error instanceof HeddleError)) return error;
  const known = asHeddleError(error);
  if (!BROKEN.includes(known.code)) return known;
  const broken = new errors.SocketError(known.message);
  broken.cause = known;
  return broken;
}
