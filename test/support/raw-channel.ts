// A channel driven by hand: dials a source or a relay over TCP, upgrades, sends the frames it is given, and hands out the
// frames that come, one after another, so that a test can say exactly what must happen. It decides and checks nothing.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { formatChannelHeaders, UPGRADE_TOKEN } from '../../protocol/channel-request.ts';
import type { ClientFrame, FrameType, SourceFrame } from '../../protocol/frames.ts';
import { FrameReader, SOURCE_FRAME_TYPES } from '../../protocol/frame-reader.ts';
import { encodeFrames } from '../../protocol/frame-writer.ts';
import { formatRequestHead, parseResponseHead } from '../../protocol/http-head.ts';
import type { ResponseHead } from '../../protocol/http-head.ts';
import { LEAF_BYTES } from '../../protocol/limits.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import { pathsOf } from '../../protocol/paths.ts';

/** How a channel is opened. */
export type RawChannelOptions = {
  /** Base URL of a route: an origin's, or one with `/v1/via/…`. */
  readonly url: string;
  readonly key: string;
  readonly transfer?: string;
  readonly number?: number;
  readonly segmentBytes?: number;
  /** Frames inside the upgrade request. */
  readonly first?: readonly ClientFrame[];
  /** Frames right behind the request head, in the same write. */
  readonly behind?: readonly ClientFrame[];
  /** Replace or add headers of the request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Another request path than the channel's. */
  readonly path?: string;
  /** Stop reading as soon as the head of the answer is there. */
  readonly paused?: boolean;
};

/** One frame of a type. */
export type FrameOf<Type extends FrameType> = Extract<SourceFrame, { readonly type: Type }>;

/** A pattern; `to` is past every object, `cycle` all for channel 1 unless said otherwise. */
export function patternOf(
  epoch: number,
  more: Partial<Record<'lead' | 'cycle', readonly number[]>> & Partial<Pick<Pattern, 'from' | 'to'>> = {},
): ClientFrame {
  const { from = 0, to = 0xffff_ffff, lead = [], cycle = [1] } = more;
  const elements = (list: readonly number[]): Uint16Array => Uint16Array.from(list);
  return { type: 'pattern', pattern: { epoch, from, to, lead: elements(lead), cycle: elements(cycle) } };
}

/** Dials and upgrades; settles with the head of the answer, whatever its status. */
export async function openRawChannel(options: RawChannelOptions): Promise<RawChannel> {
  const { url, key, transfer = randomBytes(16).toString('hex'), number = 1, segmentBytes = LEAF_BYTES } = options;
  const { hostname, port, pathname, host } = new URL(url);
  const socket = connect({ host: hostname.replaceAll(/[[\]]/g, ''), port: Number(port), noDelay: true });
  const headers = new Map<string, string>([
    ['Host', host],
    ['Connection', 'Upgrade'],
    ['Upgrade', UPGRADE_TOKEN],
    ...formatChannelHeaders({ transfer, number, segmentBytes, first: options.first ?? [] }),
    ...Object.entries(options.headers ?? {}),
  ]);
  const path = options.path ?? pathname.replace(/\/$/, '') + pathsOf(key).segments;
  const head = Buffer.from(formatRequestHead('GET', path, headers));
  socket.write(Buffer.concat([head, encodeFrames(options.behind ?? [])]));
  return RawChannel.over(socket, options.paused ?? false);
}

/** The client end of a channel, by hand. */
export class RawChannel {
  readonly socket: Socket;
  /** Status and headers of the answer. */
  readonly head: ResponseHead;
  /** Settles when the connection is closed, however. */
  readonly closed: Promise<void>;
  /** Every frame that came, in order. */
  readonly frames: SourceFrame[] = [];
  /** Bytes that came behind the head. */
  receivedBytes = 0;
  readonly #reader = new FrameReader(SOURCE_FRAME_TYPES);
  readonly #body: Uint8Array[] = [];
  #taken = 0;
  #over = false;
  #wake = Promise.withResolvers<void>();

  private constructor(socket: Socket, head: ResponseHead, rest: Uint8Array) {
    this.socket = socket;
    this.head = head;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => resolve());
    });
    void this.closed.then(() => {
      this.#over = true;
      this.#notify();
    });
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#onData(rest);
  }

  /** Reads the head of the answer from a socket on which the request was written. */
  static over(socket: Socket, paused: boolean): Promise<RawChannel> {
    return new Promise((resolve, reject) => {
      let held: Buffer = Buffer.alloc(0);
      const onData = (chunk: Buffer): void => {
        held = Buffer.concat([held, chunk]);
        const head = parseResponseHead(held);
        if (head === undefined) return;
        socket.off('data', onData);
        socket.off('error', reject);
        socket.off('close', onClose);
        socket.on('error', () => {});
        if (paused) socket.pause();
        resolve(new RawChannel(socket, head, held.subarray(head.bytes)));
        if (paused) socket.pause();
      };
      const onClose = (): void => reject(new Error('the connection closed before the answer was complete'));
      socket.on('data', onData);
      socket.on('error', reject);
      socket.on('close', onClose);
    });
  }

  /** The body of an answer that is not 101. */
  async body(): Promise<string> {
    await this.closed;
    return Buffer.concat(this.#body).toString();
  }

  send(...frames: readonly ClientFrame[]): void {
    this.socket.write(encodeFrames(frames));
  }

  /** The next frame that was not handed out yet; fails when the connection closes before there is one. */
  async next(): Promise<SourceFrame> {
    while (this.#taken >= this.frames.length) {
      if (this.#over) throw new Error('the channel closed and no frame is left');
      await this.#wake.promise;
    }
    this.#taken += 1;
    return this.frames[this.#taken - 1] as SourceFrame;
  }

  /** The next frame, which must be of this type. */
  async expect<Type extends FrameType>(type: Type): Promise<FrameOf<Type>> {
    const frame = await this.next();
    if (frame.type !== type) throw new Error(`expected ${type}, got ${JSON.stringify(brief(frame))}`);
    return frame as FrameOf<Type>;
  }

  /** Skips to the next frame of this type. */
  async skipTo<Type extends FrameType>(type: Type): Promise<FrameOf<Type>> {
    for (;;) {
      const frame = await this.next();
      if (frame.type === type) return frame as FrameOf<Type>;
    }
  }

  /** The next `count` frames of this type, skipping others. */
  async collect<Type extends FrameType>(type: Type, count: number): Promise<FrameOf<Type>[]> {
    const found: FrameOf<Type>[] = [];
    while (found.length < count) found.push(await this.skipTo(type));
    return found;
  }

  /** Breaks the connection. */
  destroy(): void {
    this.socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy();
    await this.closed;
  }

  #onData(chunk: Uint8Array): void {
    this.receivedBytes += chunk.length;
    if (this.head.status !== 101) this.#body.push(chunk);
    else this.frames.push(...(this.#reader.push(chunk) as SourceFrame[]));
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}

function brief(frame: SourceFrame): object {
  return frame.type === 'segment' ? { ...frame, payload: `${frame.payload.length} bytes` } : frame;
}
