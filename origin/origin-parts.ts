// What the doors of an origin (plain requests, channels) share, and the one way from a key to an object that can be read.
import { HeddleError } from '../protocol/errors.ts';
import type { Allowances } from './allowances.ts';
import type { Backend } from './backend.ts';
import type { BlockCache, OpenObject } from './block-cache.ts';
import type { Catalog, PublishedObject } from './catalog.ts';
import type { Guard } from './guard.ts';
import type { OriginMetrics } from './metrics.ts';
import type { OriginTuning } from './options.ts';
import type { PublishedRoutes } from './published-routes.ts';
import type { ProofPages } from './proof-pages.ts';
import type { Running } from './running.ts';

/** Times that an object may change between being looked up and being opened. */
const ATTEMPTS = 3;

/** The parts of a running origin. */
export type OriginParts = {
  readonly guard: Guard;
  readonly allowances: Allowances;
  readonly backend: Backend;
  readonly catalog: Catalog;
  readonly blocks: BlockCache;
  readonly pages: ProofPages;
  /** Bodies of plain responses being sent. */
  readonly bodies: Running;
  readonly metrics: OriginMetrics;
  /** The ways to this origin, for clients. */
  readonly published: PublishedRoutes;
  readonly tuning: OriginTuning;
  /** Takes a line about each channel, where somebody wants to know. */
  readonly debug?: ((line: string) => void) | undefined;
};

/**
 * The present version of `key`, open; the caller closes `file`. `reader` names what shares out its reads among several.
 * Throws what the catalog and the backend throw.
 */
export async function openPublished(
  { backend, blocks, catalog }: OriginParts,
  key: string,
  reader?: string,
): Promise<{ object: PublishedObject; file: OpenObject }> {
  for (let attempt = 1; ; attempt += 1) {
    const object = await catalog.lookup(key);
    const { place, version } = object;
    try {
      return { object, file: await blocks.open(`${place}\0${version}`, () => backend.open(key, version), reader) };
    } catch (error) {
      // It changed between the two; the catalog will have the newer version.
      if (!(error instanceof HeddleError) || error.code !== 'object-changed' || attempt === ATTEMPTS) throw error;
    }
  }
}
