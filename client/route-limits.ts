// What a user demands of a route or mirror: how much it may bring, how fast, over how many connections. Becomes part of
// its terms; the core keeps to them.
import { HeddleError } from '../protocol/errors.ts';
import type { RouteTerms } from './core/route-terms.ts';

/** Limits of one route or mirror, each transfer by itself. */
export type RouteLimits = {
  /** Bytes of payload it may bring in one transfer, to within one segment. */
  readonly quotaBytes?: number;
  /** Bytes of payload per second it may be asked for. */
  readonly maxBytesPerSecond?: number;
  /** Connections at one time. */
  readonly maxConnections?: number;
};

/** The limits as terms of the route. Throws `bad-configuration`. */
export function limitTerms(name: string, limits: RouteLimits): RouteTerms {
  const { quotaBytes, maxBytesPerSecond, maxConnections } = limits;
  if (quotaBytes !== undefined && !(quotaBytes >= 0)) throw wrong(name, `quotaBytes ${quotaBytes} is no size`);
  if (maxBytesPerSecond !== undefined && !(maxBytesPerSecond > 0)) {
    throw wrong(name, `maxBytesPerSecond ${maxBytesPerSecond} is no rate`);
  }
  if (maxConnections !== undefined && !(Number.isInteger(maxConnections) && maxConnections > 0)) {
    throw wrong(name, `maxConnections ${maxConnections} is no number of connections`);
  }
  return {
    ...(quotaBytes === undefined ? {} : { quotaBytes }),
    ...(maxBytesPerSecond === undefined ? {} : { maxBytesPerSecond }),
    ...(maxConnections === undefined ? {} : { maxConnections }),
  };
}

function wrong(name: string, text: string): HeddleError {
  return new HeddleError('bad-configuration', `route ${name}: ${text}`);
}
