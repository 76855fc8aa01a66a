// What a session needs of a channel, however its bytes are asked for: an adapter takes the frames of a source's grammar
// and says what came. Two are built in: channel-socket.ts speaks heddle/1, range-channel.ts asks a plain HTTP server for
// ranges; a route or mirror may bring its own (`connect`). What all must hold is test/client/io/adapter-suite.ts.
import type { ClientFrame } from '../../protocol/frames.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { ChannelEvents } from './channel-socket.ts';
import type { ByteSpan, Copy } from './range-answer.ts';

/**
 * What happens on a channel, in the order in which its source decided it; never within the call that made the adapter. First
 * `connected`; then, once it is opened, HELLO (`frame`) or `copy`, segments and other frames. Every segment that the
 * pattern, credit and SENDs make it owe is answered once, by `segment` or a DROPPED `frame`, and every PING by a PONG.
 * `payload` tells of bytes as they come, `segment` hands over a use of the slab that the payload lies in (one that was
 * taken, or one more that is held), and what lies there is not touched again.
 * After `closed` (connecting again may help) or `refused` (it will not, or not before a pause) nothing else follows.
 */
export type AdapterEvents = ChannelEvents & {
  /** The source proves nothing, but says this of its copy: it stands for HELLO. */
  copy(copy: Copy): void;
};

/** How a channel begins. */
export type ChannelOpening = {
  readonly key: string;
  /** 128 bits, hex; the same for all channels of a transfer. */
  readonly transfer: string;
  readonly number: number;
  readonly segmentBytes: number;
  readonly pattern: Pattern;
  readonly credit: number;
  /** Whether the origin may deal segments itself. */
  readonly steer?: boolean;
};

/** One channel. It dials when it is made. */
export type ChannelAdapter = {
  /** Bytes read so far, of whatever kind; only of channels that speak heddle/1. */
  readonly readBytes?: number;
  /** Asks for the first segments; call it once, when the connection stands. */
  open(opening: ChannelOpening): void;
  /** Tells the source something. Frames written before the source answered wait for that; unknown ones are left out. */
  write(frame: ClientFrame): void;
  /** Brings bytes that are no segment's, of a copy that is to be compared; only of channels that say `copy`. */
  sample?(spans: readonly ByteSpan[], done: (bytes: readonly Uint8Array[]) => void): void;
  /** Ends it: politely when nothing more is expected, at once otherwise. Nothing is said afterwards. */
  close(graceful: boolean): void;
};

/** Where a channel goes, and what it is made with. */
export type ChannelPlace = {
  /** URL of the route or mirror. */
  readonly baseUrl: URL;
  /** Local address to bind to. */
  readonly localAddress: string | undefined;
  /** Value of an Authorization header; routes only. */
  readonly authorization: string | undefined;
  /** Bytes of a segment. */
  readonly segmentBytes: number;
  /** Where payload is put. Each slab has room for a segment, or several. */
  readonly buffers: Pick<BufferPool, 'bytes' | 'take'>;
};

/** Begins one channel; it dials at once, and says nothing before this returns. */
export type ConnectChannel = (place: ChannelPlace, events: AdapterEvents) => ChannelAdapter;
