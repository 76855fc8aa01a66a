// What patterns may cost: each modified one goes to every channel, and control is to stay below one per cent of what is
// received. Only patterns that could wait are held to it; that they cost as well is counted here.
import type { Pattern } from '../../protocol/pattern.ts';
import type { CoreOptions } from './options.ts';

/** Bytes of a pattern's frame beside its table of channels, two each, and its elements, one each. */
const HEAD_BYTES = 25;

/** Bytes of patterns sent, and whether there may be more. */
export class PatternBudget {
  readonly #options: Pick<CoreOptions, 'patternFirstBytes' | 'patternFraction'>;
  #spentBytes = 0;

  constructor(options: Pick<CoreOptions, 'patternFirstBytes' | 'patternFraction'>) {
    this.#options = options;
  }

  /** `pattern`, which names so many channels, goes to one channel. */
  spend({ lead, cycle }: Pattern, channels: number): void {
    this.#spentBytes += HEAD_BYTES + 2 * channels + lead.length + cycle.length;
  }

  /** A pattern that could wait is worth its bytes, so many having been received. */
  allowsMore(receivedBytes: number): boolean {
    const { patternFirstBytes, patternFraction } = this.#options;
    return this.#spentBytes < patternFirstBytes + patternFraction * receivedBytes;
  }
}
