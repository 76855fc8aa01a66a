// One channel at the origin, from its 101 on: reads the client's frames, asks the segment set what to send next, and
// keeps the outbox just full enough. Owns the socket and the channel's time limits; what is owed is decided by
// protocol/segment-set.ts, and who may open a channel by upgrade.ts.
// Invariant: bytes decided but not taken by the kernel stay below `quickQueueBytes` and one segment, and below `queueBytes`
// and one segment where the connection is not quick.
import { TLSSocket } from 'node:tls';
import { asHeddleError, HeddleError } from '../protocol/errors.ts';
import type { ClientFrame, ProveFrame } from '../protocol/frames.ts';
import { CLIENT_FRAME_TYPES, FrameReader } from '../protocol/frame-reader.ts';
import { encodeFrame } from '../protocol/frame-writer.ts';
import { HASH_BYTES, LIMITS } from '../protocol/limits.ts';
import { lengthOfSegment, levelOf, nodeCountOf, segmentCountOf } from '../protocol/merkle.ts';
import type { Range } from '../protocol/ranges.ts';
import { SegmentSet } from '../protocol/segment-set.ts';
import type { Answer, SegmentAnswer } from '../protocol/segment-set.ts';
import { SPENT } from './allowances.ts';
import type { ChannelParts } from './channel-parts.ts';
import { FrameBudget } from './frame-budget.ts';
import { helloOf } from './hello.ts';
import { Outbox } from './outbox.ts';
import type { Content } from './outbox.ts';
import { blockOf } from './proof-pages.ts';
import { SegmentContents } from './segment-content.ts';
import { SegmentRun } from './segment-run.ts';
import type { Membership, SteeredChannel } from './steer.ts';

/** Bytes of a control frame, for the account of what waits; none of the small ones exceeds it. */
const SMALL_FRAME_BYTES = 16;

/** One open channel. */
export class SegmentSender {
  /** Settles when the socket is closed. */
  readonly closed: Promise<void>;
  readonly #parts: ChannelParts;
  readonly #held: readonly Range[];
  readonly #set: SegmentSet;
  readonly #outbox: Outbox;
  readonly #contents: SegmentContents;
  readonly #reader = new FrameReader(CLIENT_FRAME_TYPES);
  readonly #proves: ProveFrame[] = [];
  readonly #budget = new FrameBudget();
  #heardAt = performance.now();
  #endedAt: number | undefined;
  /** Its place among the steered channels of its transfer. */
  #steered: Membership | undefined;

  /** Takes the socket over; nothing is sent before `start`. */
  constructor(parts: ChannelParts) {
    const { socket, request, object, tuning } = parts;
    const segments = segmentCountOf(object.size, request.segmentBytes);
    this.#parts = parts;
    this.#held = segments === 0 ? [] : [{ first: 0, length: segments }];
    const isElsewhere = (index: number): boolean => this.#steered?.isElsewhere(index) ?? false;
    this.#set = new SegmentSet(request.number, segments, this.#held, isElsewhere);
    this.#outbox = new Outbox(socket, tuning, () => this.#onProgress());
    parts.share?.listen(
      () => this.#pump(),
      () => this.#onSpent(),
    );
    this.#contents = new SegmentContents({ ...parts, lastWords: (error) => this.#lastWords(error) });
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => {
      this.#steered?.leave();
      this.#outbox.end();
      parts.file.close();
      closed.resolve();
    });
    // A client that is done says BYE; a bare FIN is one that is gone.
    socket.on('end', () => this.#endedAt === undefined && socket.destroy());
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.setNoDelay(true);
  }

  /** Bytes decided and not yet taken by the socket. */
  get pendingBytes(): number {
    return this.#outbox.pendingBytes;
  }

  /** Sends `answer` (the 101), HELLO and the first proof page, and takes the frames of the request and `head`. */
  start(answer: Uint8Array, head: Uint8Array): void {
    const { object, request } = this.#parts;
    const hello = helloOf(object, this.#held);
    this.#outbox.put(0, answer.length + hello.length, { parts: [answer, hello] });
    if (object.size > 0) this.#putFirstPage();
    this.#take(request.first);
    this.#onData(head);
  }

  /** Closes what has been silent, stuck or lingering for too long. */
  sweep(now: number): void {
    const { socket, tuning } = this.#parts;
    const stalledSince = this.#outbox.stalledSince;
    if (stalledSince !== undefined) {
      if (now - stalledSince < tuning.writeStallMs) return;
      this.#parts.metrics.refused.timeout.inc();
      this.#parts.metrics.limited['write-stall'].inc();
      // a TLS socket offers no reset
      if (socket instanceof TLSSocket) socket.destroy();
      else socket.resetAndDestroy();
    } else if (this.#endedAt !== undefined) {
      if (now - this.#endedAt >= tuning.lingerMs) socket.destroy();
    } else if (now - this.#heardAt >= tuning.channelIdleMs) {
      this.#parts.metrics.limited.idle.inc();
      this.fail(new HeddleError('timeout', 'no frame came for too long'));
    }
  }

  /** Tells the client why and closes. */
  fail(error: unknown): void {
    if (this.#endedAt !== undefined) return;
    const { code, message } = asHeddleError(error);
    const { limited, refused } = this.#parts.metrics;
    refused[code].inc();
    if (code === 'overloaded') limited.frames.inc(); // the only limit of a channel's own
    this.#end(encodeFrame({ type: 'error', code, text: message }));
  }

  /** Closes at once. */
  destroy(): void {
    this.#parts.socket.destroy();
  }

  #onData(chunk: Uint8Array): void {
    if (this.#endedAt !== undefined) return;
    let frames: ClientFrame[];
    try {
      frames = this.#reader.push(chunk) as ClientFrame[];
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#take(frames);
    const { socket, tuning } = this.#parts;
    if (this.#outbox.controlBytes > tuning.controlBacklogBytes) socket.pause();
  }

  #onProgress(): void {
    const { socket, tuning } = this.#parts;
    if (socket.isPaused() && this.#outbox.controlBytes <= tuning.controlBacklogBytes) socket.resume();
    this.#pump();
  }

  #onSpent(): void {
    this.#parts.metrics.limited['token-bytes'].inc();
    this.fail(new HeddleError('refused', SPENT));
  }

  #take(frames: readonly ClientFrame[]): void {
    try {
      for (const frame of frames) this.#handle(frame);
    } catch (error) {
      this.fail(error);
    }
    this.#pump();
  }

  #handle(frame: ClientFrame): void {
    this.#heardAt = performance.now();
    this.#budget.spend(frame.type, this.#heardAt);
    switch (frame.type) {
      case 'pattern':
      case 'credit':
      case 'send':
      case 'cancel':
        return this.#set.handle(frame);
      case 'prove':
        if (this.#proves.length === LIMITS.maxQueuedProves) throw new HeddleError('too-many-sends', 'too many PROVEs');
        this.#proves.push(frame);
        return;
      case 'ping': {
        const { nonce } = frame;
        const epoch = this.#outbox.epochOf(this.#set.epoch);
        return this.#outbox.now(encodeFrame({ type: 'pong', nonce, epoch, queued: this.#queuedBytes() }));
      }
      case 'bye':
        return this.#end();
      case 'encode':
        return this.#contents.accept(frame.accepted, this.#heardAt);
      case 'steer':
        return this.#steer(frame.on);
      default:
        frame satisfies never;
    }
  }

  /** Decides as much as the outbox has room for. */
  #pump(): void {
    const { socket, share } = this.#parts;
    this.#steered?.turn(performance.now());
    let run: SegmentRun | undefined;
    const hasRoom = (): boolean => this.#outbox.pendingBytes + (run?.bytes ?? 0) < this.#outbox.roomBytes;
    while (this.#endedAt === undefined && socket.writable && hasRoom()) {
      const prove = this.#proves.shift();
      const answer = prove !== undefined || share?.isStarved === true ? undefined : this.#set.next();
      if (answer?.type === 'segment') {
        run = this.#goOn(run, answer);
        continue;
      }
      this.#putRun(run);
      run = undefined;
      if (prove !== undefined) this.#putPage(prove);
      else if (answer !== undefined) this.#put(answer);
      else break;
    }
    this.#putRun(run);
    this.#outbox.flush();
  }

  /** The run with one more segment, or a new one once the old one is queued. What is encoded goes by itself. */
  #goOn(run: SegmentRun | undefined, answer: SegmentAnswer): SegmentRun | undefined {
    if (answer.by === 'pattern') this.#steered?.sent(answer.index);
    const { request, object, file } = this.#parts;
    const isEncoded = this.#contents.encodes(lengthOfSegment(answer.index, object.size, request.segmentBytes));
    if (!isEncoded && run?.takes(answer) === true) return run;
    this.#putRun(run);
    const next = new SegmentRun(answer, { file, segmentBytes: request.segmentBytes });
    if (!isEncoded) return next;
    this.#outbox.put(next.epoch, next.bytes, this.#contents.encoded(answer, next));
    this.#parts.share?.took(next.payloadBytes);
    return undefined;
  }

  #putRun(run: SegmentRun | undefined): void {
    // what its bytes do not cover ends the channel between two runs
    if (run === undefined || this.#endedAt !== undefined) return;
    this.#outbox.put(run.epoch, run.bytes, this.#contents.plain(run));
    this.#parts.share?.took(run.payloadBytes);
  }

  #put(answer: Exclude<Answer, SegmentAnswer>): void {
    if (answer.type === 'dropped') this.#parts.metrics.dropped[answer.reason].inc();
    this.#outbox.put(answer.epoch, SMALL_FRAME_BYTES, { parts: [encodeFrame(answer)] });
  }

  /** The client leaves the dealing of its next segments to the origin, or takes it back. */
  #steer(on: boolean): void {
    this.#steered?.leave();
    this.#steered = undefined;
    const { request, object, steering } = this.#parts;
    if (!on || steering === undefined) return;
    const key = `${request.transfer} ${request.segmentBytes} ${Buffer.from(object.root).toString('hex')}`;
    const channel: SteeredChannel = {
      number: request.number,
      set: this.#set,
      drainedBytes: () => this.#outbox.takenBytes,
      pendingBytes: () => this.#outbox.pendingBytes,
      announce: (pattern) => {
        const frame = encodeFrame({ type: 'dealt', pattern });
        this.#outbox.put(pattern.epoch, frame.length, { parts: [frame] });
        process.nextTick(() => this.#pump());
      },
    };
    this.#steered = steering.join(key, request.segmentBytes, channel, performance.now());
  }

  #putFirstPage(): void {
    const { request, object, tuning } = this.#parts;
    const level = levelOf(request.segmentBytes);
    const pattern = request.first.find((frame) => frame.type === 'pattern')?.pattern;
    const index = Math.min(pattern?.from ?? 0, nodeCountOf(object.size, level) - 1);
    const first = blockOf(index, tuning.firstProofNodes);
    this.#putPage({ type: 'prove', level, first, count: tuning.firstProofNodes });
  }

  #putPage({ level, first, count }: ProveFrame): void {
    const { pages, object, metrics } = this.#parts;
    const content = pages.frame(object, level, first, count).then(
      (frame): Content => {
        metrics.bytes.proofs.inc(frame.length);
        return { parts: [frame] };
      },
      (error: unknown) => this.#lastWords(error),
    );
    this.#outbox.put(this.#set.epoch, count * HASH_BYTES, content);
  }

  #lastWords(error: unknown): Content {
    const { code, message } = asHeddleError(error);
    if (code === 'object-changed') this.#parts.metrics.readErrors[code].inc();
    this.#endedAt = performance.now();
    return { parts: [encodeFrame({ type: 'error', code, text: message })], last: true };
  }

  #end(bytes?: Uint8Array): void {
    this.#endedAt = performance.now();
    this.#outbox.end(bytes);
    this.#parts.socket.resume();
  }

  #queuedBytes(): number {
    return Math.min(this.#outbox.pendingBytes + this.#outbox.controlBytes, 0xffff_ffff);
  }
}
