// What a congestion control is to a flow: told of acknowledgements and losses, it says how much may be in flight and how
// fast it may leave. Implemented by cubic.ts and bbr.ts.
import { PACKET_BYTES } from './link.ts';

/** TCP's first window, bytes (RFC 6928). */
export const FIRST_WINDOW_BYTES: number = 10 * PACKET_BYTES;

/** One acknowledgement. Times in ms. */
export type Acknowledged = {
  readonly bytes: number;
  /** Round trip of the first packet of the train. */
  readonly rttMs: number;
  readonly leastRttMs: number;
  /** Most bytes in flight in this round. */
  readonly mostInFlight: number;
  /** The window, not the sender, limited what was in flight within this round trip. */
  readonly isLimited: boolean;
  /** More was ready to be sent when this left: the rate is the path's, not the sender's. */
  readonly isSupplied: boolean;
  /** A loss is being repaired: Linux raises no window meanwhile. */
  readonly isRecovering: boolean;
  /** First acknowledgement of something sent after the previous round ended. */
  readonly isNewRound: boolean;
  /** Bytes per ms delivered while this train was under way. */
  readonly deliveryRate: number;
};

export type Congestion = {
  /** Bytes that may be in flight. */
  readonly windowBytes: number;
  /** Bytes per ms; infinite when what the window allows leaves at once. */
  readonly pacingRate: number;
  acknowledged(ack: Acknowledged, now: number): void;
  /** Something was lost; told once per round trip, with the bytes still in flight. */
  lost(inFlight: number, now: number): void;
  /** Nothing was heard for a retransmission time-out. */
  timedOut(now: number): void;
  /** Nothing was sent for `ms`, longer than a retransmission time-out. */
  idled(ms: number, timeoutMs: number): void;
};
