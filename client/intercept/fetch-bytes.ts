// What a route gives away for the asking: small answers of its own making (a manifest, a page of nodes), whole.
import { HeddleError } from '../../protocol/errors.ts';
import { ask } from './plain-answer.ts';
import type { PlainRoute } from './route-book.ts';

/** The body of a small answer of the route's own making (a manifest, a page of nodes). */
export async function fetchBytes(
  route: PlainRoute,
  path: string,
  mostBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const plain = {
    method: 'GET',
    path: route.basePath + path,
    headers: credentialsOf(route),
    headersTimeoutMs: undefined,
  } as const;
  const answer = await ask(route.pool, plain, signal);
  const body = await answer.collect(mostBytes);
  if (answer.status === 200) return body;
  throw new HeddleError('refused', `route ${route.name} answers HTTP ${answer.status} to ${path}`, { side: 'remote' });
}

/** What a request over `route` shows. */
export function credentialsOf(route: PlainRoute): Record<string, string> {
  return route.authorization === undefined ? {} : { authorization: route.authorization };
}
