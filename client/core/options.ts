// The constants of the client core: defaults with unit and reason. Each is an option; resolved once at the edge.

const defaults = {
  /** Bytes of a segment: LEAF_BYTES × 2^k. Small enough for a short tail on a thin route. */
  segmentBytes: 32_768,
  /** 'order': the sink takes bytes in order; 'any': it takes segments as they are proven (a file). */
  output: 'order' as 'order' | 'any',
  /** Bytes that may be granted or held beyond what the sink took; bounds memory and the reorder depth. */
  reorderBytes: 33_554_432,
  /** Channels of a route while its window grows. */
  firstConnections: 1,
  /** Channels of a route afterwards: on a clean path one carries everything, several only disturb each other. */
  steadyConnections: 1,
  /** Round trip from which a route counts as long, ms, output in order: one connection takes seconds to fill it. */
  longOrderRttMs: 140,
  /** The same for output in any order: what several connections lose while they begin holds nobody up there. */
  longAnyRttMs: 75,
  /** A long route has a channel for so much of its round trip, ms, */
  rttPerConnectionMs: 16,
  /** but no more than this. */
  longConnections: 16,
  /** Channels of a route whose losses keep each connection below what the line carries, output in order: */
  lossyConnections: 16,
  /** and in any order. With 16, random sets get 0.015 less; in order as many stalled the stream when a route collapsed. */
  lossyAnyConnections: 24,

  /** ms between housekeeping turns: rate samples, windows, liveness. */
  tickMs: 10,
  /** Smallest window of a route in slow start, bytes: ten segments of TCP's first window and then some. */
  firstWindowBytes: 131_072,
  /** Smallest window of a route afterwards, bytes: two segments, so that the next is asked before the last came. */
  leastWindowBytes: 65_536,
  /** Window growth in slow start: credit for this many times the bytes of the last RTT. */
  slowStartGain: 3,
  /** Slow start ends at the first RTT that grew by less than this factor. */
  slowStartFlat: 1.12,

  /** ms between modified patterns when only shares moved. */
  patternIntervalMs: 100,
  /** ms between modified patterns when somebody runs out of lead, and in the tail. */
  urgentPatternMs: 25,
  /** Bytes of patterns that may be sent for finer shares before anything came, and per byte received. */
  patternFirstBytes: 262_144,
  patternFraction: 0.006,
  /** A share that moved by more than this fraction makes a new pattern worth sending. */
  shareChange: 0.05,
  /** ms of the total rate that a lead plans ahead; behind it the cycle repeats. */
  leadMs: 400,
  /** Elements of the cycle: fine enough for shares of 1:60. */
  cycleElements: 64,
  /** ms of data left below which the whole rest is planned segment by segment. */
  tailMs: 1_500,
  /** The same for so few bytes, whatever the rates are: small objects are all tail. */
  tailBytes: 4_194_304,

  /** ms of silence with segments outstanding until a channel counts as stalled, output in order. */
  stallOrderMs: 150,
  /** The same for output in any order, where a late segment hurts nobody until the end. */
  stallAnyMs: 300,
  /** No stall threshold is longer than this, ms. */
  stallMostMs: 2_000,
  /** ms of stall after which a fresh channel is opened on the route beside the stalled one. */
  replaceStalledMs: 1_000,
  /** ms without any answer from any route until a running transfer fails. */
  giveUpMs: 30_000,
  /** ms until a dial or an upgrade that is not answered is given up. */
  dialTimeoutMs: 5_000,
  /** The same for connecting over a route whose round trip is known: a lost SYN is sent again only after 1 s. */
  leastConnectTimeoutMs: 1_300,
  /** ms between a failed or lost channel and the next dial, while a transfer runs. */
  redialMs: 250,
  /** Dials in a row that may fail on every route before anything was heard at all. */
  firstDials: 3,

  /** Most bytes of hedges allowed before anything was received, */
  hedgeBytes: 600_000,
  /** but no more than this fraction of what the transfer wants, or two segments. */
  hedgeFirstFraction: 0.005,
  /** Hedged bytes allowed per byte received. With 0.007 less is wasted, but a collapse stalls three times as long on real TCP. */
  hedgeFraction: 0.01,
  /** Routes in use at one time; the others stand by. With more, patterns grow and every share gets thin. */
  activeRoutes: 8,
  /** ms between two trials of routes that stand by. */
  probeIntervalMs: 5_000,
  /** ms that a trial lasts at least. */
  probeMs: 1_500,
  /** A route is replaced by one whose score is this many times as high. */
  replaceMargin: 1.2,
  /** ms without a working channel after which another route takes the place: connecting over 600 ms takes half of it. */
  replaceDownMs: 2_500,
  /** What counts in the ranking of routes, relative to each other: a rank given from outside, */
  externalWeight: 2,
  /** measured throughput, which is what a transfer wants, */
  throughputWeight: 4,
  /** round trip, */
  latencyWeight: 1,
  /** relays and network hops, */
  hopsWeight: 0.25,
  /** length of the path on the globe, */
  distanceWeight: 0.25,
  /** and price per GB. */
  costWeight: 1,

  /** What the payload of priced routes may cost in all, in the currency of their prices; undefined: whatever. */
  costBudget: undefined as number | undefined,
  /** ms until a route is asked again whose server is draining or overloaded and does not say for how long. */
  pauseMs: 1_000,
  /** Bytes at the beginning and at the end of what is wanted that come before all else; 0: plainly from first to last. */
  endsFirstBytes: 0,

  /** Whether sources may be asked to encode (compress) what they send. */
  encode: true as boolean,
  /** A route that carries more than this, bytes per second, is not: about what one core of its source compresses. */
  encodeBelowBytesPerSecond: 16_000_000,
  /** What all routes together bring, bytes per second, above which decoding costs too much: about half a core. */
  decodeMostBytesPerSecond: 128_000_000,

  /** Whether origins may deal the next segments themselves (STEER): not yet shown to be better. */
  steer: false as boolean,
  /** Proven bad segments after which a route is banned for the transfer. */
  corruptLimit: 2,
  /** Nodes of one proof page asked for: 16 KiB that prove 512 segments. */
  proofNodes: 512,
};

/** Options of a transfer's decisions. Units are in the names; rates are bytes per ms inside the core. */
export type CoreOptions = Readonly<typeof defaults>;

export const CORE_DEFAULTS: CoreOptions = Object.freeze(defaults);
