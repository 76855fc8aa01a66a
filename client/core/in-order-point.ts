// The in-order point: the segment that a stream waits for. Notices when nobody has been asked for it for a while, as when
// a pattern gave it to a channel whose route's window is full. Who is asked then is repair's business.
import type { TransferState } from './state.ts';

/** ms after which the point is asked for apart from the pattern: longer than a modified pattern takes to be dealt. */
const PATIENCE_MS = 120;

/** Watches the in-order point of one transfer. */
export class InOrderPoint {
  readonly #state: TransferState;
  #index = -1;
  #since = 0;

  constructor(state: TransferState) {
    this.#state = state;
  }

  /** The point, when it was asked of nobody for too long although the sink has room for it. */
  neglected(now: number): number | undefined {
    const { options, table } = this.#state;
    const { lowestMissing, missingLeft, takenPoint } = table;
    const isHeldUp = (lowestMissing - takenPoint + 1) * options.segmentBytes > options.reorderBytes;
    if (lowestMissing !== this.#index || missingLeft === 0 || isHeldUp || this.#isAsked()) {
      this.#index = lowestMissing;
      this.#since = now;
    }
    return now - this.#since > PATIENCE_MS ? lowestMissing : undefined;
  }

  #isAsked(): boolean {
    const { channels, table } = this.#state;
    return channels.all.some(({ sound, ledger }) => sound && ledger.isAsked(table.lowestMissing));
  }
}
