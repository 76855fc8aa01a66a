// The terms of a route: what the user, the configuration or earlier transfers say about it before it was measured. Plain
// values, all optional; the core's parts read them, nothing here decides.

/** Terms of one route. Sizes in bytes, rates in bytes per second, times in ms. */
export type RouteTerms = {
  /** False for a source that cannot prove what it sends (a plain mirror): no proof page is asked of it. Default true. */
  readonly proves?: boolean;
  /** Most channels at one time. */
  readonly maxConnections?: number;
  /** Payload it may bring in this transfer. */
  readonly quotaBytes?: number;
  /** Payload per second it may be asked for. */
  readonly maxBytesPerSecond?: number;
  /** Price of its payload, in whatever currency the transfer's budget has. */
  readonly costPerGigabyte?: number;
  /** Rank given from outside (configuration, callback or ranking service): 0 the worst, 1 the best. */
  readonly rank?: number;
  /** Relays that its URL names; what answers may say otherwise. */
  readonly relays?: number;
  /** Network hops beyond the relays on the way. */
  readonly hops?: number;
  /** Great-circle length of the path from the client over its relays to the source. */
  readonly distanceKilometres?: number;
  /** What it carried last time. */
  readonly rememberedBytesPerSecond?: number;
  /** Its round trip last time. */
  readonly rememberedRttMs?: number;
};

/** Whether the source behind a route can prove what it sends. */
export function canProve({ terms }: { readonly terms: RouteTerms }): boolean {
  return terms.proves !== false;
}
