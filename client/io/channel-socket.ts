// Channel connector: one TCP or TLS connection to a route's first hop, the upgrade request, frames out, the receiver's
// pieces in. Knows nothing of patterns. Reads land in the receiver's buffers (`onread`), never in fresh ones.
import type { Socket } from 'node:net';
import { UPGRADE_TOKEN } from '../../protocol/channel-request.ts';
import { asHeddleError, HeddleError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { ClientFrame, SegmentFrame, SourceFrame } from '../../protocol/frames.ts';
import { encodeFrame } from '../../protocol/frame-writer.ts';
import { formatRequestHead } from '../../protocol/http-head.ts';
import type { ResponseHead } from '../../protocol/http-head.ts';
import type { BufferPool, Slab } from './buffer-pool.ts';
import { Dial, isSecure } from './dial.ts';
import type { DialTarget } from './dial.ts';
import { Receiver } from './receiver.ts';
import { isWholeBody, refusalOf } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { systemWords } from '../../protocol/system-words.ts';

/** What happens on a channel. After `closed` or `refused` nothing else follows. */
export type ChannelEvents = {
  connected(connectMs: number): void;
  /** The upgrade succeeded; its answer names so many relays on its way. */
  passed?(relays: number): void;
  frame(frame: Exclude<SourceFrame, SegmentFrame>): void;
  payload(bytes: number): void;
  segment(frame: SegmentFrame, slab: Slab): void;
  closed(error: HeddleError): void;
  refused(refusal: Refusal): void;
};

/** Where a channel goes: the path of the request is appended to the base URL's. */
export type ChannelTarget = DialTarget & {
  /** Value of an Authorization header. */
  readonly authorization: string | undefined;
};

/** How long a BYE may take to leave, ms. */
const LINGER_MS = 2_000;

/** One channel's connection. */
export class ChannelSocket {
  readonly #events: ChannelEvents;
  readonly #target: ChannelTarget;
  readonly #dial: Dial;
  readonly #receiver: Receiver;
  #upgraded = false;
  readonly #early: ClientFrame[] = [];
  #refusalHead: ResponseHead | undefined;
  #refusalBody = '';
  #ended = false;

  /** Takes over `dial`, or dials. */
  constructor(target: ChannelTarget, pool: BufferPool, segmentBytes: number, events: ChannelEvents, dial?: Dial) {
    this.#target = target;
    this.#events = events;
    this.#receiver = new Receiver(pool, segmentBytes, {
      head: (head) => this.#head(head),
      body: (bytes) => this.#body(bytes),
      frame: (frame) => this.#events.frame(frame),
      payload: (bytes) => this.#events.payload(bytes),
      segment: (frame, slab) => this.#events.segment(frame, slab),
    });
    this.#dial = dial ?? new Dial(target);
    this.#dial.attach({ space: () => this.#receiver.space(), filled: (bytes) => this.#read(bytes) });
    // whoever made this channel hears of it only after the constructor
    this.#dial.watch({
      connected: (connectMs) => {
        if (!this.#ended) this.#events.connected(connectMs);
      },
      failed: (error) => this.#fail(lossOf(error)),
      over: () => this.#fail(new HeddleError('connection-lost', undefined, { side: 'remote' })),
    });
  }

  /** Bytes read so far. */
  get readBytes(): number {
    return this.#socket.bytesRead;
  }

  /** Sends the upgrade request for `path` (appended to the base URL's). */
  open(path: string, headers: readonly (readonly [string, string])[]): void {
    const { baseUrl, authorization } = this.#target;
    const all: [string, string][] = [
      ['Host', baseUrl.host],
      ['Connection', 'Upgrade'],
      ['Upgrade', UPGRADE_TOKEN],
    ];
    for (const [name, value] of headers) all.push([name, value]);
    if (authorization !== undefined) all.push(['Authorization', authorization]);
    this.#socket.write(formatRequestHead('GET', baseUrl.pathname.replace(/\/$/, '') + path, all));
  }

  /** Sends a frame; before the 101 it waits. Frames of one turn of the event loop leave together. */
  write(frame: ClientFrame): void {
    if (this.#ended || !this.#socket.writable) return;
    if (frame.type === 'encode') this.#receiver.accept(frame.accepted);
    if (!this.#upgraded) {
      this.#early.push(frame);
      return;
    }
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    this.#socket.write(encodeFrame(frame));
  }

  /** Closes: BYE and FIN when graceful, else a reset so that every hop knows at once (TLS knows none: FIN without BYE). */
  close(graceful: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#receiver.stop();
    if (graceful && this.#upgraded && this.#socket.writable) {
      this.#socket.end(encodeFrame({ type: 'bye' }));
      this.#socket.destroySoon();
      // a peer that vanished never takes the BYE: neither the socket nor the process waits for it
      this.#socket.unref();
      setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
    } else if (this.#socket.connecting || isSecure(this.#target)) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  get #socket(): Socket {
    return this.#dial.socket;
  }

  #read(bytes: number): void {
    if (this.#ended) return;
    try {
      this.#receiver.filled(bytes);
    } catch (error) {
      this.#fail(asHeddleError(error, 'bad-frame'));
    }
  }

  #head(head: ResponseHead): boolean {
    if (head.status === 101 && head.headers.get('upgrade')?.toLowerCase() === UPGRADE_TOKEN) {
      this.#upgraded = true;
      // first what was written before: hearing of the answer may make the core write more
      for (const frame of this.#early.splice(0)) this.write(frame);
      this.#events.passed?.(relaysIn(head.headers.get('via')));
      return true;
    }
    if (head.status === 101) {
      throw new HeddleError('handshake-failed', 'the upgrade was answered as something else', { side: 'remote' });
    }
    this.#refusalHead = head;
    if (isWholeBody(head, '')) this.#refuse();
    return false;
  }

  #body(bytes: Uint8Array): void {
    this.#refusalBody += Buffer.from(bytes).toString('latin1');
    if (this.#refusalHead !== undefined && isWholeBody(this.#refusalHead, this.#refusalBody)) this.#refuse();
  }

  #refuse(): void {
    if (this.#ended || this.#refusalHead === undefined) return;
    const refusal = refusalOf(this.#refusalHead, this.#refusalBody);
    this.close(false);
    this.#events.refused(refusal);
  }

  #fail(error: HeddleError): void {
    if (this.#ended) return;
    if (this.#refusalHead !== undefined) return this.#refuse();
    this.close(false);
    this.#events.closed(error);
  }
}

/** One entry of Via per relay (RFC 9110, section 7.6.3). */
function relaysIn(via = ''): number {
  return via.split(',').filter((entry) => entry.trim() !== '').length;
}

function lossOf(error: NodeJS.ErrnoException): HeddleError {
  if (error instanceof HeddleError) return error;
  const lost: readonly (string | undefined)[] = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT'];
  const code: ErrorCode = lost.includes(error.code) ? 'connection-lost' : 'unreachable';
  return new HeddleError(code, systemWords(error), { side: 'remote', cause: error });
}
