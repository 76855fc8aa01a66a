// What the package exports: the client, its options, its errors. The only barrel of the project.
import './older-node.ts';
export { createClient } from './client.ts';
export type { Client, RunningTransfer, StreamTransfer, TransferOptions } from './client.ts';
export type {
  ControlEvent,
  Preference,
  Problem,
  RouteCommand,
  SegmentRuns,
  TransferSnapshot,
} from './control/messages.ts';
export type { TransferList } from './control/transfer-list.ts';
export type { TrackedTransfer } from './control/tracked-transfer.ts';
export type { Slab } from './io/buffer-pool.ts';
export type {
  AdapterEvents,
  ChannelAdapter,
  ChannelOpening,
  ChannelPlace,
  ConnectChannel,
} from './io/channel-adapter.ts';
export { Discovery } from './discovery.ts';
export type { DiscoveryContext, DiscoveryOptions } from './discovery.ts';
export type { InterceptOptions, SiteOptions } from './intercept/site-options.ts';
export type { ByteSpan, Copy } from './io/range-answer.ts';
export type { Refusal } from './io/refusal.ts';
export type { Check, RouteReport, SessionObserver, SessionReport, Vouching } from './io/report.ts';
export type { MirrorOptions } from './mirrors.ts';
export type { Sink } from './io/sink.ts';
export type { ByteRange, ClientOptions, RouteOptions } from './options.ts';
export { ERROR_CODES, exitCodeOf, HeddleError } from '../protocol/errors.ts';
export type { ErrorCode } from '../protocol/errors.ts';
export type { ClientFrame, SegmentFrame, SourceFrame } from '../protocol/frames.ts';
// what a channel owes, for adapters that play the source themselves
export { SegmentSet } from '../protocol/segment-set.ts';
export type { Answer } from '../protocol/segment-set.ts';
