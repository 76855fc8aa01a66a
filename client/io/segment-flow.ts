// A segment's way through this process: arrived, proven against its node, held until the core delivers it, put into the
// sink, its memory used again. Owns the bytes in between; when what happens is the core's decision.
import type { ProofPage, SegmentEncoding, SegmentFrame } from '../../protocol/frames.ts';
import { HeddleError } from '../../protocol/errors.ts';
import { formatRoot } from '../../protocol/manifest.ts';
import { leafCountOf, lengthOfSegment } from '../../protocol/merkle.ts';
import { NOBODY } from '../../protocol/pattern.ts';
import { BufferPool, Slab } from './buffer-pool.ts';
import { NodeStore } from './node-store.ts';
import { slabBytesFor } from './receiver.ts';
import type { Trust } from './range-agreement.ts';
import type { Extent } from './segment-decoder.ts';
import type { Sink } from './sink.ts';
import { Verifier } from './verifier.ts';

type Held = {
  readonly channel: number;
  readonly slab: Slab;
  readonly start: number;
  readonly end: number;
  readonly encoding: SegmentEncoding;
};

/** What the flow tells. */
export type FlowEvents = {
  verified(channel: number, index: number, ok: boolean): void;
  /** A segment that came encoded is proven; it has so many bytes more than its payload had. */
  decoded(channel: number, savedBytes: number): void;
  /** Without a root: whether what a channel brought may be taken; undefined while that is not known. */
  trusts(channel: number): Trust | undefined;
  /** The last segment is proven, and the object has this many bytes: not what was said. */
  resized(size: number): void;
  /** The sink needs the segment's memory no more. */
  taken(index: number): void;
  /** The sink or the verifier cannot go on. */
  failed(error: Error): void;
};

/** What of the object is wanted. */
export type FlowOrder = {
  readonly key: string;
  readonly segmentBytes: number;
  readonly firstByte: number;
  /** Exclusive; undefined for the object's end. */
  readonly endByte: number | undefined;
  readonly sink: Sink;
};

/** Segments of one transfer from arrival to delivery. */
export class SegmentFlow {
  readonly pool: BufferPool;
  readonly #order: FlowOrder;
  readonly #events: FlowEvents;
  readonly #verifier: Verifier;
  readonly #unproven = new Map<number, Held>();
  readonly #held = new Map<number, Held>();
  /** Deliveries that wait for the sink to be ready; undefined once it is. */
  #early: number[] | undefined = [];
  #arrived: Held | undefined;
  #nodes: NodeStore | undefined;
  #object: { size: number; readonly root: Uint8Array | undefined } | undefined;
  #deliveredEnd: number | undefined;
  #firstByte: number;
  /** Given up while their proof was under way. */
  readonly #released = new Set<number>();
  #ended = false;

  constructor(order: FlowOrder, events: FlowEvents) {
    this.#order = order;
    this.#events = events;
    this.#firstByte = order.firstByte;
    this.pool = new BufferPool(slabBytesFor(order.segmentBytes));
    this.#verifier = new Verifier((error) => events.failed(error));
  }

  /** Exclusive end of what went into the sink last; all of what an output in order has. */
  get deliveredEnd(): number | undefined {
    return this.#deliveredEnd;
  }

  /** The object is known. `firstByte` must lie in it. Without a root segments are taken as they come. */
  begin(size: number, root: Uint8Array | undefined): void {
    this.#object = { size, root: root?.slice() };
    const { segmentBytes, firstByte } = this.#order;
    if (root !== undefined) this.#nodes = new NodeStore({ size, root: root.slice() }, segmentBytes, firstByte);
    this.#beginSink();
    if (root === undefined) this.reconsider();
  }

  /** Channels may be trusted now, or no more, that were not judged before. */
  reconsider(): void {
    if (this.#object === undefined || this.#object.root !== undefined) return;
    for (const index of [...this.#unproven.keys()]) this.#trust(index);
  }

  #beginSink(): void {
    const { key, firstByte, endByte, segmentBytes, sink } = this.#order;
    const { size = 0, root } = this.#object ?? {};
    const bytes = Math.max(0, Math.min(endByte ?? size, size) - firstByte);
    this.#early ??= [];
    const object = { key, root: root === undefined ? undefined : formatRoot(root), size, segmentBytes };
    sink.begin(firstByte, bytes, object).then(
      () => {
        // a sink that is done with one at once has the core deliver the next: that goes behind those that waited
        const early = this.#early ?? [];
        for (let index = early.shift(); index !== undefined; index = early.shift()) this.#put(index);
        this.#early = undefined;
      },
      (error: Error) => this.#events.failed(error),
    );
  }

  /** Takes a page; false when it proves nothing. Segments that waited for it go on. */
  addPage(page: ProofPage): boolean {
    const ok = this.#nodes?.add(page) ?? false;
    if (ok) for (const index of [...this.#unproven.keys()]) this.#prove(index);
    return ok;
  }

  /** A whole segment came: it waits for `verify` or `discard`. */
  arrive(channel: number, { encoding, payload }: SegmentFrame, slab: Slab): void {
    const { byteOffset: start, length } = payload;
    if (encoding === 'identity') this.#arrived = { channel, slab, start, end: start + length, encoding };
    else {
      // what is decoded where it lies becomes longer: it needs memory of its own
      const own = new Slab(this.#order.segmentBytes);
      own.bytes.set(payload);
      slab.release();
      this.#arrived = { channel, slab: own, start: 0, end: length, encoding };
    }
  }

  discard(): void {
    this.#arrived?.slab.release();
    this.#arrived = undefined;
  }

  /** The segment that arrived last is wanted: prove it as soon as its node is here. */
  verify(index: number): void {
    const held = this.#arrived;
    this.#arrived = undefined;
    if (held === undefined) return;
    const node = this.#nodes?.get(index);
    if (node !== undefined) return this.#check(index, held, node);
    this.#unproven.set(index, held);
    if (this.#object !== undefined && this.#object.root === undefined) this.#trust(index);
  }

  /** What is delivered from now on begins with this byte. */
  seek(firstByte: number): void {
    this.#firstByte = Math.max(this.#firstByte, firstByte);
  }

  /** A segment that arrived and was not delivered is not needed. */
  release(index: number): void {
    const held = this.#unproven.get(index) ?? this.#held.get(index);
    this.#unproven.delete(index);
    this.#held.delete(index);
    if (held === undefined) this.#released.add(index);
    else held.slab.release();
    this.#nodes?.release(index);
  }

  /** Puts a proven segment into the sink, cut to the wanted range. */
  deliver(index: number): void {
    if (this.#early === undefined) this.#put(index);
    else this.#early.push(index);
  }

  #put(index: number): void {
    const held = this.#held.get(index);
    if (held === undefined || this.#ended) return;
    this.#held.delete(index);
    const { endByte, segmentBytes, sink } = this.#order;
    const offset = index * segmentBytes;
    const from = Math.max(0, this.#firstByte - offset);
    const length = held.end - held.start;
    const to = Math.min(length, (endByte ?? Number.POSITIVE_INFINITY) - offset);
    const done = (error?: Error): void => {
      held.slab.release();
      this.#nodes?.release(index);
      if (error === undefined) this.#events.taken(index);
      else this.#events.failed(error);
    };
    if (sink.order === 'order' && offset + from !== Math.max(this.#deliveredEnd ?? 0, this.#firstByte)) {
      // never a wrong byte, whoever mistook the order
      held.slab.release();
      this.#events.failed(new HeddleError('internal', `segment ${index} was to be handed out of turn`));
      return;
    }
    this.#deliveredEnd = offset + to;
    const isWhole = from === 0 && to === length;
    const node = isWhole && sink.order === 'any' ? this.#nodes?.get(index) : undefined;
    sink.put(offset + from, held.slab.bytes.subarray(held.start + from, held.start + to), done, node);
  }

  /** Nothing more will be delivered. */
  end(): void {
    this.#ended = true;
    this.#held.clear();
    this.#unproven.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#verifier[Symbol.asyncDispose]();
  }

  #prove(index: number): void {
    const held = this.#unproven.get(index);
    const node = this.#nodes?.get(index);
    if (held === undefined || node === undefined) return;
    this.#unproven.delete(index);
    this.#check(index, held, node);
  }

  #check(index: number, held: Held, node: Uint8Array): void {
    const { channel, slab, start, end, encoding } = held;
    const judged = (ok: boolean, plain: Extent = held): void => {
      if (this.#ended) return;
      if (this.#released.delete(index)) return slab.release();
      if (ok) {
        if (encoding !== 'identity') this.#events.decoded(channel, plain.end - plain.start - (end - start));
        this.#held.set(index, { channel, slab, start: plain.start, end: plain.end, encoding: 'identity' });
        this.#checkLength(index, plain.end - plain.start);
      } else slab.release();
      this.#events.verified(channel, index, ok);
    };
    const encoded = encoding === 'identity' ? undefined : { encoding, mostBytes: this.#order.segmentBytes };
    this.#verifier.check(slab.bytes, { start, end }, node, judged, encoded);
  }

  /** Nothing can prove it. */
  #trust(index: number): void {
    const held = this.#unproven.get(index);
    const trusted = held === undefined ? undefined : this.#events.trusts(held.channel);
    if (held === undefined || trusted === undefined || this.#ended) return;
    this.#unproven.delete(index);
    const isWhole = held.end - held.start === lengthOfSegment(index, this.#object?.size ?? 0, this.#order.segmentBytes);
    const ok = trusted === 'yes' && isWhole && held.encoding === 'identity';
    if (ok) this.#held.set(index, held);
    else held.slab.release();
    this.#events.verified(trusted === 'lost' ? NOBODY : held.channel, index, ok);
  }

  /** A proven segment of another length than the size said: the root knows better. Only the last one may differ. */
  #checkLength(index: number, length: number): void {
    const { segmentBytes } = this.#order;
    if (this.#object === undefined) return;
    const { size } = this.#object;
    if (length === lengthOfSegment(index, size, segmentBytes)) return;
    const proven = index * segmentBytes + length;
    if (leafCountOf(proven) !== leafCountOf(size)) {
      this.#events.failed(
        new HeddleError('bad-manifest', `the object has not the ${size} bytes that its manifest says`),
      );
      return;
    }
    this.#object.size = proven;
    this.#events.resized(proven);
    this.#beginSink();
  }
}
