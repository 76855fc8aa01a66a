// The ways to itself that an origin publishes, signed with the key of its manifests, so that clients need to know one of
// them only. What is configured is said as it is; a list that is older than a quarter of its life is signed anew.
import type { FastifyInstance } from 'fastify';
import { HeddleError } from '../protocol/errors.ts';
import { ROUTE_LIST_PATH } from '../protocol/route-list.ts';
import type { ListedRoute } from '../protocol/route-list.ts';
import type { OriginTuning } from './options.ts';
import type { ManifestSigner } from './signing.ts';

type Signed = { readonly jws: string; readonly issued: number; readonly expires: number };

/** The published list of one origin. */
export class PublishedRoutes {
  readonly #signer: ManifestSigner;
  readonly #tuning: OriginTuning;
  #routes: readonly ListedRoute[];
  #signed: Promise<Signed> | undefined;

  constructor(signer: ManifestSigner, tuning: OriginTuning, routes: readonly ListedRoute[]) {
    this.#signer = signer;
    this.#tuning = tuning;
    this.#routes = routes;
  }

  /** From now on these are published. */
  replace(routes: readonly ListedRoute[]): void {
    this.#routes = routes;
    this.#signed = undefined;
  }

  /** The list as it is at `now` (ms since 1970); undefined when nothing is published. */
  async at(now: number): Promise<Signed | undefined> {
    if (this.#routes.length === 0) return undefined;
    const last = await this.#signed;
    if (last !== undefined && now >= last.issued && now - last.issued < (last.expires - last.issued) / 4) return last;
    return (this.#signed = this.#sign(now));
  }

  async #sign(now: number): Promise<Signed> {
    const issued = Math.floor(now);
    const expires = issued + this.#tuning.routeListSeconds * 1_000;
    return { jws: await this.#signer.signRoutes({ issued, expires, routes: this.#routes }), issued, expires };
  }
}

/** Adds the path of the list. */
export function addRouteList(app: FastifyInstance, published: PublishedRoutes): void {
  app.get(ROUTE_LIST_PATH, async (_request, reply) => {
    const now = Date.now();
    const list = await published.at(now);
    if (list === undefined) throw new HeddleError('object-not-found', 'this origin publishes no routes');
    const seconds = Math.max(1, Math.floor((list.expires - now) / 4_000));
    reply.header('Cache-Control', `max-age=${seconds}`);
    return reply.type('application/jose').send(list.jws);
  });
}
