// One transfer of a list: who it is, how it goes or how it ended, and what can be demanded of it. Keeps a last picture when
// it has ended, and nothing of the transfer itself. Who watches it is the list's business.
import { asHeddleError, HeddleError } from '../../protocol/errors.ts';
import type { ByteRange } from '../options.ts';
import type { StartedTransfer } from '../transfer-controls.ts';
import type {
  Fault,
  Limits,
  RouteCommand,
  RouteState,
  SegmentRuns,
  TransferSnapshot,
  TransferState,
  TransferSummary,
} from './messages.ts';
import { pictureOf, progressOf } from './picture.ts';
import { segmentRunsOf } from './segment-cells.ts';

/** A transfer that can be looked at and steered. Commands to one that has ended throw `refused`. */
export class TrackedTransfer {
  readonly id: string;
  readonly #startedAt: number;
  readonly #begunAt: number = performance.now();
  readonly #about: Pick<TransferSummary, 'key' | 'target' | 'output'>;
  #running: StartedTransfer | undefined;
  #last: TransferSnapshot | undefined;

  constructor(id: string, started: StartedTransfer) {
    this.id = id;
    this.#startedAt = Date.now();
    this.#about = { key: started.key, target: started.target ?? null, output: started.output };
    this.#running = started;
  }

  get hasEnded(): boolean {
    return this.#running === undefined;
  }

  /** What lists show. */
  summary(): TransferSummary {
    if (this.#running === undefined) return summaryOf(this.#ended());
    const inspection = this.#running.inspect();
    return {
      ...this.#head(inspection.snapshot.isPaused ? 'paused' : 'running', null),
      progress: progressOf(this.#running, inspection),
    };
  }

  /** Everything, as it is now or was at the end. */
  snapshot(): TransferSnapshot {
    if (this.#running === undefined) return this.#ended();
    const { isPaused, ...picture } = pictureOf(this.#running, this.#running.inspect());
    return { ...this.#head(isPaused ? 'paused' : 'running', null), ...picture };
  }

  /** Who brought each of the segments. Throws `usage`; `refused` once it has ended. */
  segments(first: number, count: number): SegmentRuns {
    const running = this.#commanded();
    return segmentRunsOf(running, running.inspect(), first, count);
  }

  pause(): void {
    this.#commanded().pause();
  }

  resume(): void {
    this.#commanded().resume();
  }

  /** Ends it; what a file has got so far can be resumed. */
  cancel(): void {
    this.#commanded().cancel();
  }

  /** These bytes are wanted before all others. Throws `usage`. */
  raise(ranges: readonly ByteRange[]): void {
    this.#commanded().raise(ranges);
  }

  /** What a route is to do: its limit first, then how much it is wanted. Throws `usage`. */
  steer(route: string, { preference, maxBytesPerSecond }: RouteCommand): RouteState {
    const running = this.#commanded();
    if (maxBytesPerSecond !== undefined) running.limitRate(maxBytesPerSecond ?? undefined, route);
    if (preference !== undefined) running.prefer(route, preference);
    const state = this.snapshot().routes.find(({ name }) => name === route);
    if (state === undefined) throw new HeddleError('usage', `"${route}" is none of the routes`);
    return state;
  }

  /** What the transfer as a whole may do; what is left out stays. Throws `usage`. */
  limit({ maxBytesPerSecond, costBudget }: Partial<Limits>): Limits {
    const running = this.#commanded();
    if (maxBytesPerSecond !== undefined) running.limitRate(maxBytesPerSecond ?? undefined);
    if (costBudget !== undefined) running.limitCost(costBudget ?? undefined);
    return this.snapshot().limits;
  }

  /** It is over, well or with an error: the last picture is taken. */
  end(error?: unknown): void {
    if (this.#running === undefined) return;
    const { isPaused: _, ...picture } = pictureOf(this.#running, this.#running.inspect());
    const { code, message } = error === undefined ? {} : asHeddleError(error);
    const fault = code === undefined ? null : { code, message: message ?? '' };
    this.#last = { ...this.#head(endOf(fault), fault), ...picture };
    this.#running = undefined;
  }

  #head(state: TransferState, fault: Fault | null): Omit<TransferSummary, 'progress'> {
    const elapsedMs = Math.round(performance.now() - this.#begunAt);
    return { id: this.id, ...this.#about, state, fault, startedAt: this.#startedAt, elapsedMs };
  }

  #commanded(): StartedTransfer {
    if (this.#running === undefined) throw new HeddleError('refused', 'the transfer has ended');
    return this.#running;
  }

  #ended(): TransferSnapshot {
    if (this.#last === undefined) throw new HeddleError('internal', 'a transfer has ended without a last picture');
    return this.#last;
  }
}

/** The part of a snapshot that lists show. */
export function summaryOf(snapshot: TransferSnapshot): TransferSummary {
  const { id, key, target, output, state, fault, startedAt, elapsedMs, progress } = snapshot;
  return { id, key, target, output, state, fault, startedAt, elapsedMs, progress };
}

function endOf(fault: Fault | null): TransferState {
  if (fault === null) return 'done';
  return fault.code === 'aborted' ? 'cancelled' : 'failed';
}
