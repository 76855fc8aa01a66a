// The boundary of the core: inputs are what happened, effects are what the shell is to do. Bytes stay outside; inputs
// carry numbers, lengths and verdicts. Channels are named by their number, routes by their place in the route list.
import type { ErrorCode } from '../../protocol/errors.ts';
import type { DropReason, SentBy } from '../../protocol/frames.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import type { Range } from '../../protocol/ranges.ts';
import type { Preference } from './route.ts';
import type { RouteTerms } from './route-terms.ts';

export type Input =
  /** The TCP (and TLS) connection stands; `connectMs` is the time one round trip took. */
  | { readonly type: 'connected'; readonly channel: number; readonly connectMs: number }
  /** The upgrade was answered, and its answer names so many relays that it passed. */
  | { readonly type: 'passed'; readonly channel: number; readonly relays: number }
  /** HELLO came and its identity is accepted. */
  | { readonly type: 'hello'; readonly channel: number; readonly size: number; readonly held: readonly Range[] }
  /** Bytes were read from the channel's socket, before any frame is complete. */
  | { readonly type: 'received'; readonly channel: number; readonly bytes: number }
  /** A whole SEGMENT; the shell keeps its bytes until `verify` or `discard` is polled. */
  | {
      readonly type: 'segment';
      readonly channel: number;
      readonly index: number;
      readonly epoch: number;
      readonly by: SentBy;
    }
  /** The verifier's verdict on a segment. */
  | { readonly type: 'verified'; readonly channel: number; readonly index: number; readonly ok: boolean }
  | {
      readonly type: 'dropped';
      readonly channel: number;
      readonly index: number;
      readonly epoch: number;
      readonly by: SentBy;
      readonly reason: DropReason;
    }
  | { readonly type: 'idle'; readonly channel: number; readonly epoch: number }
  /** The origin steers: it dealt `pattern` itself. */
  | { readonly type: 'dealt'; readonly channel: number; readonly pattern: Pattern }
  | {
      readonly type: 'pong';
      readonly channel: number;
      readonly nonce: number;
      readonly epoch: number;
      readonly queued: number;
    }
  /** A proof page came: it holds the nodes [first, first + count) of the segments' level, or is a false one. */
  | {
      readonly type: 'proof';
      readonly channel: number;
      readonly first: number;
      readonly count: number;
      readonly ok: boolean;
    }
  /** The sink is done with a segment: its bytes need no memory any more. */
  | { readonly type: 'taken'; readonly index: number }
  /** The channel ended: dial failed, reset, FIN, grammar fault. */
  | { readonly type: 'closed'; readonly channel: number; readonly code: ErrorCode }
  /** The route answered with a refusal that another dial will not change, or asked for a pause. */
  | { readonly type: 'refused'; readonly channel: number; readonly code: ErrorCode; readonly retryAfterMs?: number }
  /** Ranks from outside, by route number; undefined leaves a route the one it has. */
  | { readonly type: 'ranks'; readonly ranks: readonly (number | undefined)[] }
  /**
   * The output goes on at segment `index`. In order: what lies before it and was not handed out is given up, neither asked
   * for nor delivered; going back changes nothing. In any order: it is raised, with all behind it.
   */
  | { readonly type: 'seek'; readonly index: number }
  | Demand
  /** The token that a channel was opened with ends soon, and there is a newer one: another is to take its place. */
  | { readonly type: 'renew'; readonly channel: number }
  /** The first hop of a route is about to stop, or not any more. */
  | { readonly type: 'leave'; readonly route: number; readonly isLeaving: boolean }
  /** Nothing happened; the deadline passed. */
  | { readonly type: 'tick' };

/** What the user says of a running transfer. */
export type Demand =
  /** These segments are wanted before all others, in this order. */
  | { readonly type: 'raise'; readonly ranges: readonly Range[] }
  /** Nothing more is asked for until it goes on; what was asked for still comes. */
  | { readonly type: 'pause'; readonly isPaused: boolean }
  /** How much a route is wanted. */
  | { readonly type: 'prefer'; readonly route: number; readonly preference: Preference }
  /** Payload that a route may be asked for, or all of them together; undefined: no limit. */
  | { readonly type: 'cap'; readonly route: number | 'all'; readonly bytesPerSecond: number | undefined }
  /** What the payload may cost; undefined: whatever. */
  | { readonly type: 'budget'; readonly cost: number | undefined }
  /** There is another route, with the next number: it was found meanwhile. */
  | { readonly type: 'join'; readonly terms: RouteTerms };

export type Effect =
  /** Connect a new channel on a route; sends nothing yet. */
  | { readonly type: 'dial'; readonly channel: number; readonly route: number }
  /** Send the upgrade request with the first pattern and credit. */
  | { readonly type: 'open'; readonly channel: number; readonly pattern: Pattern; readonly credit: number }
  | { readonly type: 'pattern'; readonly channel: number; readonly pattern: Pattern }
  | { readonly type: 'credit'; readonly channel: number; readonly total: number }
  | { readonly type: 'send'; readonly channel: number; readonly ranges: readonly Range[]; readonly again: boolean }
  | { readonly type: 'ping'; readonly channel: number; readonly nonce: number }
  | { readonly type: 'prove'; readonly channel: number; readonly first: number; readonly count: number }
  /** The source of a channel may send segments in these encodings as well, as ENCODE names them. */
  | { readonly type: 'encode'; readonly channel: number; readonly accepted: number }
  /** Close a channel: with BYE when nothing is expected from it, by reset otherwise. */
  | { readonly type: 'close'; readonly channel: number; readonly graceful: boolean }
  /** Prove the segment that just came against its node. */
  | { readonly type: 'verify'; readonly channel: number; readonly index: number }
  /** The segment that just came is not needed. */
  | { readonly type: 'discard'; readonly channel: number; readonly index: number }
  /** A segment that is here, proven or not yet, is not needed any more. */
  | { readonly type: 'release'; readonly index: number }
  /** A proven segment for the sink; with output 'order' they come in order. */
  | { readonly type: 'deliver'; readonly index: number }
  /** The object is whole and the sink took all of it. */
  | { readonly type: 'done' }
  | { readonly type: 'fail'; readonly code: ErrorCode; readonly message: string };
