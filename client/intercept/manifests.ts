// The manifests of a site's objects, and whose signatures count. With a pinned key, only its; else the keys remembered for
// the routes' origins. A stranger's manifest is taken only when every route that answers says the same of the object:
// then all of them are acquainted, and remembered. What is kept never decides what an object is: an answer whose ETag is
// another one makes it be asked for anew.
import { HeddleError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Manifest } from '../../protocol/manifest.ts';
import { pathsOf } from '../../protocol/paths.ts';
import { open } from '../io/identity.ts';
import type { KnownOrigins } from '../io/known-origins.ts';
import { fetchBytes } from './fetch-bytes.ts';
import type { PlainRoute } from './route-book.ts';

/** Manifests kept. */
const MOST_OBJECTS = 1_024;
/** ms that an introduction waits for the other routes. */
const INTRODUCTION_MS = 1_000;

type Said = { readonly route: PlainRoute; readonly manifest: Manifest; readonly signer: string };

/** One site's manifests. */
export class Manifests {
  readonly #routes: readonly PlainRoute[];
  readonly #originKey: string | undefined;
  readonly #known: KnownOrigins | undefined;
  /** Keys whose manifests agreed with all others. */
  readonly #acquainted = new Set<string>();
  readonly #introductions = new Map<string, Promise<void>>();
  /** Those used last at the end. */
  readonly #kept = new Map<string, Manifest>();

  constructor(routes: readonly PlainRoute[], originKey: string | undefined, known: KnownOrigins | undefined) {
    this.#routes = routes;
    this.#originKey = originKey;
    this.#known = known;
  }

  /** What was said of `key` lately. */
  get(key: string): Manifest | undefined {
    const manifest = this.#kept.get(key);
    if (manifest !== undefined) this.keep(manifest);
    return manifest;
  }

  keep(manifest: Manifest): void {
    this.#kept.delete(manifest.key);
    this.#kept.set(manifest.key, manifest);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_OBJECTS && oldest !== undefined) this.#kept.delete(oldest);
  }

  forget(key: string): void {
    this.#kept.delete(key);
  }

  /** The manifest that `route` gives. Throws `bad-manifest`, `key-mismatch`, `root-mismatch`, or what the route failed with. */
  async fetch(route: PlainRoute, key: string, signal: AbortSignal): Promise<Manifest> {
    const said = await this.#ask(route, key, signal);
    if (!this.#isTrusted(said)) await this.#introduce(said);
    return said.manifest;
  }

  async #ask(route: PlainRoute, key: string, signal: AbortSignal): Promise<Said> {
    const jws = await fetchBytes(route, pathsOf(key).manifest, LIMITS.maxManifestBytes, signal);
    const { manifest, signer } = open(jws.toString('latin1').trim());
    if (manifest.key !== key) throw wrong('bad-manifest', 'the manifest is about another object');
    const known = this.#known?.keyOf(route.origin);
    const expected = this.#originKey ?? known?.key;
    if (expected === undefined || expected === signer) return { route, manifest, signer };
    const why = known === undefined ? 'the pinned one' : `the one that ${known.place} remembers for ${route.origin}`;
    throw wrong('key-mismatch', `the origin signs with key ${signer}, not with ${why}`);
  }

  #isTrusted({ signer, route }: Said): boolean {
    return (
      this.#originKey !== undefined || this.#acquainted.has(signer) || this.#known?.keyOf(route.origin) !== undefined
    );
  }

  /** Asks all routes about the object, once for all who wait for it. */
  async #introduce(stranger: Said): Promise<void> {
    const { key, root } = stranger.manifest;
    const name = `${root} ${stranger.signer} ${key}`;
    const introduction = this.#introductions.get(name) ?? this.#compare(stranger);
    this.#introductions.set(name, introduction);
    try {
      await introduction;
    } finally {
      this.#introductions.delete(name);
    }
  }

  async #compare(stranger: Said): Promise<void> {
    const { key, root } = stranger.manifest;
    const others = this.#routes.filter((route) => route !== stranger.route);
    const answers = await Promise.allSettled(
      others.map((route) => this.#ask(route, key, AbortSignal.timeout(INTRODUCTION_MS))),
    );
    const said = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    const other = said.find(({ manifest }) => manifest.root !== root);
    if (other !== undefined) {
      throw wrong(
        'root-mismatch',
        `routes ${stranger.route.name} and ${other.route.name} know different objects as ${key}; pin the origin's key`,
      );
    }
    const all = [stranger, ...said];
    for (const { signer } of all) this.#acquainted.add(signer);
    // what cannot be remembered is a stranger again the next time
    await this.#known
      ?.add(all.map(({ route, signer }) => ({ name: route.origin, key: signer })))
      .catch(() => undefined);
  }
}

function wrong(code: ErrorCode, text: string): HeddleError {
  return new HeddleError(code, text, { side: 'remote' });
}
