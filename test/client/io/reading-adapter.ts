// A channel adapter as somebody else would write it, with nothing but what the package exports: a copy that is read
// through a function, one segment after another.
import { HeddleError, SegmentSet } from '../../../client/index.ts';
import type {
  AdapterEvents,
  ByteSpan,
  ChannelAdapter,
  ChannelOpening,
  ClientFrame,
  ConnectChannel,
} from '../../../client/index.ts';

/** What is read. `open` settles with the size, undefined when there is no such thing. */
export type Readable = {
  open(): Promise<number | undefined>;
  read(span: ByteSpan): Promise<Uint8Array>;
};

/** Channels to what `source` reads. */
export function readingAdapter(source: Readable): ConnectChannel {
  return ({ segmentBytes, buffers }, events) => new ReadingChannel(source, segmentBytes, buffers, events);
}

type Buffers = Parameters<ConnectChannel>[0]['buffers'];

class ReadingChannel implements ChannelAdapter {
  readonly #source: Readable;
  readonly #segmentBytes: number;
  readonly #buffers: Buffers;
  readonly #events: AdapterEvents;
  readonly #early: ClientFrame[] = [];
  #size = 0;
  #set: SegmentSet | undefined;
  /** The epoch of what is being read; what was decided before is said. */
  #reading: number | undefined;
  #ended = false;

  constructor(source: Readable, segmentBytes: number, buffers: Buffers, events: AdapterEvents) {
    this.#source = source;
    this.#segmentBytes = segmentBytes;
    this.#buffers = buffers;
    this.#events = events;
    setImmediate(() => {
      if (!this.#ended) events.connected(1);
    });
  }

  open({ number, pattern, credit }: ChannelOpening): void {
    this.#source.open().then(
      (size) => {
        if (this.#ended) return;
        if (size === undefined) {
          this.#ended = true;
          return this.#events.refused({ code: 'object-not-found', text: 'no such thing', retryAfterMs: undefined });
        }
        this.#size = size;
        this.#events.copy({ size, etag: undefined, modified: undefined, digest: undefined });
        const segments = Math.ceil(size / this.#segmentBytes);
        this.#set = new SegmentSet(number, segments, segments === 0 ? [] : [{ first: 0, length: segments }]);
        for (const frame of [
          { type: 'pattern', pattern },
          { type: 'credit', total: credit },
        ] as const)
          this.write(frame);
        for (const frame of this.#early.splice(0)) this.write(frame);
      },
      (error: unknown) => this.#fail(error),
    );
  }

  write(frame: ClientFrame): void {
    if (this.#ended) return;
    if (this.#set === undefined) {
      this.#early.push(frame);
    } else if (frame.type === 'ping') {
      const epoch = this.#reading ?? this.#set.epoch;
      const { nonce } = frame;
      setImmediate(() => {
        if (!this.#ended) this.#events.frame({ type: 'pong', nonce, epoch, queued: 0 });
      });
    } else if (['pattern', 'credit', 'send', 'cancel'].includes(frame.type)) {
      this.#set.handle(frame as Parameters<SegmentSet['handle']>[0]);
      void this.#work(this.#set);
    }
  }

  sample(spans: readonly ByteSpan[], take: (bytes: readonly Uint8Array[]) => void): void {
    Promise.all(spans.map((span) => this.#source.read(span))).then(take, (error: unknown) => this.#fail(error));
  }

  close(): void {
    this.#ended = true;
  }

  async #work(set: SegmentSet): Promise<void> {
    if (this.#reading !== undefined) return;
    for (let answer = set.next(); answer !== undefined && !this.#ended; answer = set.next()) {
      if (answer.type !== 'segment') {
        this.#events.frame(answer);
        continue;
      }
      const { index, epoch, by } = answer;
      const first = index * this.#segmentBytes;
      const last = Math.min(first + this.#segmentBytes, this.#size) - 1;
      this.#reading = epoch;
      try {
        const bytes = await this.#source.read({ first, last });
        if (this.#ended) return;
        const slab = this.#buffers.take();
        slab.bytes.set(bytes);
        const payload = slab.bytes.subarray(0, bytes.length);
        this.#events.payload(bytes.length);
        this.#events.segment({ type: 'segment', index, epoch, by, encoding: 'identity', payload }, slab);
      } catch (error) {
        return this.#fail(error);
      }
      this.#reading = undefined;
    }
    this.#reading = undefined;
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events.closed(new HeddleError('connection-lost', String(error), { side: 'remote' }));
  }
}
