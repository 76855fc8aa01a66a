// What a session needs of a channel, however its bytes are asked for: an adapter takes the frames of a source's grammar
// and says what came. Two exist: channel-socket.ts speaks heddle/1, range-channel.ts asks a plain HTTP server for ranges.
import type { ClientFrame } from '../../protocol/frames.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import type { ChannelEvents } from './channel-socket.ts';
import type { ByteSpan, Copy } from './range-answer.ts';

/** What happens on a channel. After `closed` or `refused` nothing else follows. */
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
  /** Tells the source something. Frames written before the source answered wait for that. */
  write(frame: ClientFrame): void;
  /** Brings bytes that are no segment's, of a copy that is to be compared; only of channels that say `copy`. */
  sample?(spans: readonly ByteSpan[], done: (bytes: readonly Uint8Array[]) => void): void;
  /** Ends it: politely when nothing more is expected, at once otherwise. Nothing is said afterwards. */
  close(graceful: boolean): void;
};
