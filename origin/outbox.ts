// What one channel is about to send: frames in the order of the decisions, some of whose bytes are still being read.
// Writes what is ready without copying it, returns loans when the kernel has taken the bytes, and counts what waits.
// Invariant: what was put first leaves first; only `now` passes what is not yet handed to the socket.
import type { Socket } from 'node:net';
import type { OriginTuning } from './options.ts';
import { SendRoom } from './send-room.ts';

/** Taken at once without a turn of the event loop in between: a turn for each write costs a tenth with many channels. */
const TURN_BYTES = 2_097_152;

const NOTHING = new Uint8Array(0);

/** The bytes of one frame. */
export type Content = {
  readonly parts: readonly Uint8Array[];
  /** Called once, when the bytes are no longer needed. */
  readonly release?: () => void;
  /** Nothing may follow: the socket is ended behind it. */
  readonly last?: boolean;
};

type Waiting = { readonly epoch: number; readonly size: number; content: Content | undefined };

/** The outgoing side of a channel. */
export class Outbox {
  readonly #socket: Socket;
  readonly #onProgress: () => void;
  readonly #room: SendRoom;
  #waiting: Waiting[] = [];
  #pendingBytes = 0;
  #controlBytes = 0;
  #takenBytes = 0;
  #progressAt: number;
  #ended = false;
  #flushing = false;
  /** The last write was done when it came back. */
  #isTakenAtOnce = false;
  /** Bytes of such writes since the last other one, or the last turn. */
  #turnBytes = 0;

  /** `onProgress` is called whenever the kernel has taken something. */
  constructor(
    socket: Socket,
    { queueBytes, quickQueueBytes }: Pick<OriginTuning, 'queueBytes' | 'quickQueueBytes'>,
    onProgress: () => void,
  ) {
    this.#socket = socket;
    this.#onProgress = onProgress;
    this.#progressAt = performance.now();
    this.#room = new SendRoom(queueBytes, quickQueueBytes, this.#progressAt);
  }

  /** Bytes put and not yet taken by the kernel. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Bytes that may be put before the kernel takes some. */
  get roomBytes(): number {
    return this.#room.bytes;
  }

  /** Bytes put that the kernel has taken. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** Bytes written by `now` and not yet taken by the kernel. */
  get controlBytes(): number {
    return this.#controlBytes;
  }

  /** True once nothing more may be put. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Since when the kernel has taken nothing though something waits; undefined when nothing does. */
  get stalledSince(): number | undefined {
    return this.#pendingBytes + this.#controlBytes > 0 ? this.#progressAt : undefined;
  }

  /** The epoch that a frame written by `now` may claim: everything decided under an earlier one has been written. */
  epochOf(present: number): number {
    return this.#waiting[0]?.epoch ?? present;
  }

  /** Adds a frame of `size` bytes decided under `epoch`. A promise of its bytes must not reject. */
  put(epoch: number, size: number, content: Content | Promise<Content>): void {
    if (this.stalledSince === undefined) this.#progressAt = performance.now();
    const waiting: Waiting = { epoch, size, content: undefined };
    this.#waiting.push(waiting);
    this.#pendingBytes += size;
    if (!(content instanceof Promise)) {
      waiting.content = content;
      return;
    }
    void content.then((ready) => {
      waiting.content = ready;
      if (this.#ended) ready.release?.();
      else this.#flushSoon();
    });
  }

  /** Writes a small frame ahead of all that has not been written yet. */
  now(bytes: Uint8Array): void {
    if (this.#ended) return;
    if (this.stalledSince === undefined) this.#progressAt = performance.now();
    this.#controlBytes += bytes.length;
    this.#socket.write(bytes, () => {
      this.#controlBytes -= bytes.length;
      this.#progress();
    });
  }

  /** Hands what is ready to the socket, in one system call where the kernel has room. */
  flush(): void {
    if (this.#ended || this.#waiting[0]?.content === undefined) return;
    const batch: Waiting[] = [];
    const parts: Uint8Array[] = [];
    let isLast = false;
    while (!isLast && this.#waiting[0]?.content !== undefined) {
      const next = this.#waiting.shift() as Waiting;
      parts.push(...(next.content?.parts ?? []));
      isLast = next.content?.last === true;
      batch.push(next);
    }
    this.#socket.cork();
    for (const part of parts.slice(0, -1)) this.#socket.write(part);
    this.#socket.write(parts.at(-1) ?? NOTHING, () => this.#taken(batch));
    this.#socket.uncork();
    this.#isTakenAtOnce = this.#socket.writableLength === 0;
    if (isLast) this.end();
  }

  /** Drops what is not written yet, writes `bytes` behind what is, and ends the socket. */
  end(bytes?: Uint8Array): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const { size, content } of this.#waiting) {
      this.#pendingBytes -= size;
      content?.release?.();
    }
    this.#waiting = [];
    if (bytes === undefined) this.#socket.end();
    else this.#socket.end(bytes);
  }

  /** One block that was read makes several frames ready, one after another: wait for the last and write them together. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  #taken(batch: readonly Waiting[]): void {
    let bytes = 0;
    for (const { size, content } of batch) {
      bytes += size;
      content?.release?.();
    }
    this.#pendingBytes -= bytes;
    this.#takenBytes += bytes;
    this.#turnBytes = this.#isTakenAtOnce ? this.#turnBytes + bytes : 0;
    if (this.#turnBytes < TURN_BYTES) return this.#progress();
    // Who takes everything at once would keep the process to himself: others get their turn, and frames are read.
    this.#turnBytes = 0;
    setImmediate(() => this.#progress());
  }

  #progress(): void {
    this.#progressAt = performance.now();
    this.#room.measure(this.#takenBytes, this.#progressAt);
    this.#onProgress();
  }
}
