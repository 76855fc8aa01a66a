// One channel adapter driven as the core drives it, through the connector that a session has; everything it says is kept in
// order and can be waited for.
import { expect } from 'vitest';
import { BufferPool } from '../../../client/io/buffer-pool.ts';
import type { Slab } from '../../../client/io/buffer-pool.ts';
import type { ChannelAdapter } from '../../../client/io/channel-adapter.ts';
import { ChannelConnector } from '../../../client/io/channel-connector.ts';
import type { SessionRoute } from '../../../client/io/order.ts';
import { slabBytesFor } from '../../../client/io/receiver.ts';
import type { Refusal } from '../../../client/io/refusal.ts';
import type { HeddleError } from '../../../protocol/errors.ts';
import type { ClientFrame, SegmentFrame, SourceFrame } from '../../../protocol/frames.ts';
import { MAX_SEGMENTS } from '../../../protocol/limits.ts';
import type { Pattern } from '../../../protocol/pattern.ts';

/** Bytes of a segment. */
export const SEGMENT = 32_768;

/** An object as a route and a key. */
export type Place = { readonly route: SessionRoute; readonly key: string };

type Said =
  | { readonly type: 'connected' }
  | { readonly type: 'greeted'; readonly size: number }
  | { readonly type: 'frame'; readonly frame: Exclude<SourceFrame, SegmentFrame> }
  | { readonly type: 'payload'; readonly bytes: number }
  | { readonly type: 'segment'; readonly frame: SegmentFrame; readonly payload: Buffer }
  | { readonly type: 'closed'; readonly error: HeddleError }
  | { readonly type: 'refused'; readonly refusal: Refusal };
type SaidOf<Type extends Said['type']> = Extract<Said, { readonly type: Type }>;

/** A pattern from segment 0 on; all for channel 1 unless said otherwise. */
export function patternOf(epoch: number, cycle: readonly number[] = [1], from = 0): Pattern {
  return { epoch, from, to: MAX_SEGMENTS, lead: new Uint16Array(0), cycle: Uint16Array.from(cycle) };
}

/** One channel, number 1. */
export class AdapterKit implements Disposable {
  readonly said: Said[] = [];
  readonly adapter: ChannelAdapter;
  readonly pool: BufferPool;
  /** Segments handed over and not released. */
  readonly held: { readonly slab: Slab; readonly payload: Uint8Array }[] = [];
  readonly #key: string;
  #wake: PromiseWithResolvers<void> = Promise.withResolvers();

  private constructor({ route, key }: Place, connector: ChannelConnector, pool: BufferPool) {
    let isMaking = true;
    const say = (said: Said): void => {
      expect(isMaking, `${said.type} is said within the call that makes the adapter`).toBe(false);
      this.#say(said);
    };
    this.#key = key;
    this.pool = pool;
    this.adapter = connector.connect(route, {
      connected: () => say({ type: 'connected' }),
      copy: ({ size }) => say({ type: 'greeted', size }),
      frame: (frame) => say(frame.type === 'hello' ? { type: 'greeted', size: frame.size } : { type: 'frame', frame }),
      payload: (bytes) => say({ type: 'payload', bytes }),
      segment: (frame, slab) => {
        const { payload } = frame;
        expect(payload.buffer, 'the payload lies in the slab that is handed over').toBe(slab.bytes.buffer);
        const isApart = this.held.every((other) => !overlap(other.payload, payload));
        expect(isApart, 'a place belongs to one segment').toBe(true);
        this.held.push({ slab, payload });
        say({ type: 'segment', frame, payload: Buffer.from(frame.payload) });
      },
      closed: (error) => say({ type: 'closed', error }),
      refused: (refusal) => say({ type: 'refused', refusal }),
    });
    isMaking = false;
  }

  static async at(place: Place): Promise<AdapterKit> {
    const pool = new BufferPool(slabBytesFor(SEGMENT));
    const connector = new ChannelConnector({ pool, segmentBytes: SEGMENT, early: undefined, sources: 1 });
    await connector.load([place.route]);
    return new AdapterKit(place, connector, pool);
  }

  async open(credit: number, cycle?: readonly number[]): Promise<void> {
    await this.until('connected');
    const transfer = 'ab'.repeat(16);
    const first = patternOf(1, cycle);
    this.adapter.open({ key: this.#key, transfer, number: 1, segmentBytes: SEGMENT, pattern: first, credit });
  }

  write(...frames: readonly ClientFrame[]): void {
    for (const frame of frames) this.adapter.write(frame);
  }

  all<Type extends Said['type']>(type: Type): SaidOf<Type>[] {
    return this.said.filter((said) => said.type === type) as SaidOf<Type>[];
  }

  async until<Type extends Said['type']>(type: Type, count = 1): Promise<SaidOf<Type>[]> {
    await this.untilHeard(() => this.all(type).length >= count, `${count} ${type}`);
    return this.all(type);
  }

  async untilFrames(type: SourceFrame['type'], count = 1): Promise<SourceFrame[]> {
    const found = (): SourceFrame[] => this.all('frame').flatMap(({ frame }) => (frame.type === type ? [frame] : []));
    await this.untilHeard(() => found().length >= count, `${count} ${type}`);
    return found();
  }

  async untilHeard(is: () => boolean, what: string): Promise<void> {
    while (!is()) {
      const end = this.said.find(({ type }) => type === 'closed' || type === 'refused');
      if (end !== undefined) expect.fail(`${end.type} instead of ${what}: ${JSON.stringify(end)}`);
      await this.#wake.promise;
    }
  }

  /** Answers so far: what and why. */
  answers(): string[] {
    return this.said.flatMap((said) => {
      if (said.type === 'segment') return [`${said.frame.index} ${said.frame.by}`];
      return said.type === 'frame' && said.frame.type === 'dropped' ? [`${said.frame.index} ${said.frame.reason}`] : [];
    });
  }

  [Symbol.dispose](): void {
    this.adapter.close(false);
  }

  #say(said: Said): void {
    this.said.push(said);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

function overlap(a: Uint8Array, b: Uint8Array): boolean {
  return a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.length && b.byteOffset < a.byteOffset + a.length;
}
