// A range channel driven by hand, as the core would drive it: frames in, and everything it says kept and waited for.
import { BufferPool } from '../../../client/io/buffer-pool.ts';
import { RangeChannel } from '../../../client/io/range-channel.ts';
import type { Copy } from '../../../client/io/range-answer.ts';
import { Mirror } from '../../../client/io/range-mirror.ts';
import type { Refusal } from '../../../client/io/refusal.ts';
import type { HeddleError } from '../../../protocol/errors.ts';
import type { ClientFrame, SegmentFrame, SourceFrame } from '../../../protocol/frames.ts';
import { MAX_SEGMENTS } from '../../../protocol/limits.ts';

export const SEGMENT = 32_768;

/** What a channel said. */
export type Said =
  | { readonly type: 'connected' }
  | { readonly type: 'copy'; readonly copy: Copy }
  | { readonly type: 'frame'; readonly frame: Exclude<SourceFrame, SegmentFrame> }
  | { readonly type: 'segment'; readonly frame: SegmentFrame; readonly payload: Buffer }
  | { readonly type: 'closed'; readonly error: HeddleError }
  | { readonly type: 'refused'; readonly refusal: Refusal };

/** A pattern frame: `lead` and `cycle` name channels from segment `from` on. */
export function patternFrame(
  epoch: number,
  cycle: readonly number[],
  more: { readonly from?: number; readonly lead?: readonly number[]; readonly to?: number } = {},
): Extract<ClientFrame, { type: 'pattern' }> {
  const { from = 0, lead = [], to = MAX_SEGMENTS } = more;
  return {
    type: 'pattern',
    pattern: { epoch, from, to, lead: Uint16Array.from(lead), cycle: Uint16Array.from(cycle) },
  };
}

/** A channel with number 1 to `url`. */
export class RangeKit implements Disposable {
  readonly said: Said[] = [];
  readonly channel: RangeChannel;
  readonly mirror: Mirror;
  payloadBytes = 0;
  #wake: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(
    url: string,
    options: { readonly mirror?: Mirror; readonly alone?: boolean; readonly patienceMs?: number } = {},
  ) {
    const { alone = false, patienceMs = 60_000 } = options;
    this.mirror = options.mirror ?? new Mirror(new URL(url), { alone, patienceMs });
    const target = { mirror: this.mirror, localAddress: undefined };
    this.channel = new RangeChannel(target, new BufferPool(SEGMENT + 64), SEGMENT, {
      connected: () => this.#say({ type: 'connected' }),
      copy: (copy) => this.#say({ type: 'copy', copy }),
      frame: (frame) => this.#say({ type: 'frame', frame }),
      payload: (bytes) => {
        this.payloadBytes += bytes;
      },
      segment: (frame) => this.#say({ type: 'segment', frame, payload: Buffer.from(frame.payload) }),
      closed: (error) => this.#say({ type: 'closed', error }),
      refused: (refusal) => this.#say({ type: 'refused', refusal }),
    });
  }

  /** Opens with a pattern (all for this channel unless said otherwise) and credit. */
  async open(credit: number, cycle: readonly number[] = [1]): Promise<void> {
    await this.until('connected');
    const { pattern } = patternFrame(1, cycle);
    const transfer = '0'.repeat(32);
    this.channel.open({ key: 'a', transfer, number: 1, segmentBytes: SEGMENT, pattern, credit, steer: false });
  }

  /** Waits for the first event of a type. */
  async until<Type extends Said['type']>(type: Type): Promise<Extract<Said, { readonly type: Type }>> {
    await this.#wait(() => this.said.some((said) => said.type === type));
    return this.said.find((said) => said.type === type) as Extract<Said, { readonly type: Type }>;
  }

  /** Waits until `count` segments came; their indexes and bytes, in the order in which they came. */
  async untilSegments(count: number): Promise<Extract<Said, { readonly type: 'segment' }>[]> {
    const segments = (): Extract<Said, { readonly type: 'segment' }>[] =>
      this.said.filter((said) => said.type === 'segment');
    await this.#wait(() => segments().length >= count || this.said.some(isEnd));
    return segments();
  }

  /** Waits until frames of a type were said `count` times. */
  async untilFrames(type: SourceFrame['type'], count = 1): Promise<SourceFrame[]> {
    const frames = (): SourceFrame[] =>
      this.said.flatMap((said) => (said.type === 'frame' && said.frame.type === type ? [said.frame] : []));
    await this.#wait(() => frames().length >= count || this.said.some(isEnd));
    return frames();
  }

  /** Waits until what was said is enough, or the channel ended. */
  async untilHeard(isEnough: (said: readonly Said[]) => boolean): Promise<void> {
    await this.#wait(() => isEnough(this.said) || this.said.some(isEnd));
  }

  [Symbol.dispose](): void {
    this.channel.close(false);
  }

  async #wait(is: () => boolean): Promise<void> {
    while (!is()) await this.#wake.promise;
  }

  #say(said: Said): void {
    this.said.push(said);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

function isEnd({ type }: Said): boolean {
  return type === 'closed' || type === 'refused';
}
