// The transfers of one process, those that run and the last that ended, and live events of them. Given to `createClient`
// (or to the interceptor) as `transfers`; several clients may share one. Looks at transfers only while somebody watches.
import type { HeddleError } from '../../protocol/errors.ts';
import type { StartedTransfer, TransferRegister } from '../transfer-controls.ts';
import { changesBetween } from './changes.ts';
import type { Untold } from './changes.ts';
import { EventQueue } from './event-queue.ts';
import { SAMPLE_MS } from './messages.ts';
import type { ControlEvent, DetailEvent, OverviewEvent, TransferSnapshot } from './messages.ts';
import { PlainRequestList } from './plain-request-list.ts';
import { summaryOf, TrackedTransfer } from './tracked-transfer.ts';

/** Ended transfers that are still told of. */
const MOST_ENDED = 64;

/** Somebody who reads the events of one transfer, and what he knows of it. */
type Watch = { readonly queues: Set<EventQueue>; told: TransferSnapshot };

/** A list of transfers, and beside them what a proxy does not split. */
export class TransferList implements TransferRegister {
  /** Given to a proxy; empty without one. */
  readonly requests: PlainRequestList = new PlainRequestList();
  readonly #transfers = new Map<string, TrackedTransfer>();
  readonly #watches = new Map<string, Watch>();
  readonly #overviews = new Set<EventQueue>();
  /** What the overviews know. */
  readonly #toldSummaries = new Map<string, string>();
  #toldRequests = '';
  #timer: NodeJS.Timeout | undefined;
  #events = 0;
  #begun = 0;

  /** A transfer begins: called by the client. */
  add(started: StartedTransfer): (warning: HeddleError) => void {
    this.#begun += 1;
    const id = String(this.#begun);
    const transfer = new TrackedTransfer(id, this.#telling(id, started));
    this.#transfers.set(id, transfer);
    if (this.#overviews.size > 0) this.#tellOverviews(id, { type: 'started', summary: transfer.summary() });
    started.done.then(
      () => this.#end(transfer),
      (error: unknown) => this.#end(transfer, error),
    );
    return ({ code, message }) => this.#tellWatchers(id, { type: 'warning', fault: { code, message } });
  }

  /** All of them, the newest first. */
  list(): TrackedTransfer[] {
    return [...this.#transfers.values()].toReversed();
  }

  get(id: string): TrackedTransfer | undefined {
    return this.#transfers.get(id);
  }

  /** Nothing more is told: whoever reads gets what waits for him, and then the end. */
  hush(): void {
    for (const queue of this.#overviews) queue.close();
    for (const { queues } of this.#watches.values()) for (const queue of queues) queue.close();
  }

  /** Events of all transfers, until `signal` aborts: `transfers` first. */
  async *events(signal?: AbortSignal): AsyncGenerator<OverviewEvent> {
    const all = (): ControlEvent[] => {
      const transfers = this.list().map((transfer) => transfer.summary());
      for (const { id, state, progress } of transfers) this.#toldSummaries.set(id, JSON.stringify([state, progress]));
      const requests = this.requests.list();
      const told = [this.#event('', { type: 'transfers', transfers })];
      return requests.length === 0 ? told : [...told, this.#event('', { type: 'requests', requests })];
    };
    const queue = new EventQueue(all(), (lost) => [this.#event('', { type: 'lost', events: lost }), ...all()]);
    this.#overviews.add(queue);
    this.#watchOn();
    try {
      yield* read(queue, signal) as AsyncGenerator<OverviewEvent>;
    } finally {
      this.#overviews.delete(queue);
      if (this.#overviews.size === 0) this.#toldSummaries.clear();
      this.#watchOn();
    }
  }

  /** Events of one transfer, until it has ended or `signal` aborts: `snapshot` first. Empty for one that is not there. */
  async *eventsOf(id: string, signal?: AbortSignal): AsyncGenerator<DetailEvent> {
    const transfer = this.#transfers.get(id);
    if (transfer === undefined) return;
    const watch = this.#watchOf(transfer);
    const now = (): ControlEvent => {
      this.#look(id);
      const snapshot = transfer.hasEnded ? transfer.snapshot() : watch.told;
      return this.#event(id, { type: 'snapshot', snapshot });
    };
    const queue = new EventQueue([now()], (lost) => [this.#event(id, { type: 'lost', events: lost }), now()]);
    watch.queues.add(queue);
    if (transfer.hasEnded) {
      queue.push(this.#event(id, { type: 'ended', summary: transfer.summary() }));
      queue.close();
    }
    this.#watchOn();
    try {
      yield* read(queue, signal) as AsyncGenerator<DetailEvent>;
    } finally {
      watch.queues.delete(queue);
      if (watch.queues.size === 0) this.#watches.delete(id);
      this.#watchOn();
    }
  }

  /** The same transfer: whoever watches is told at once of what is demanded of it. */
  #telling(id: string, started: StartedTransfer): StartedTransfer {
    const after = (demand: () => void): void => {
      demand();
      this.#look(id);
      this.#lookOver(id);
    };
    return {
      ...started,
      raise: (ranges) => {
        started.raise(ranges);
        this.#tellWatchers(id, { type: 'raised', ranges });
      },
      pause: () => after(() => started.pause()),
      resume: () => after(() => started.resume()),
      prefer: (route, preference) => after(() => started.prefer(route, preference)),
      limitRate: (bytesPerSecond, route) => after(() => started.limitRate(bytesPerSecond, route)),
      limitCost: (costBudget) => after(() => started.limitCost(costBudget)),
    };
  }

  #watchOf(transfer: TrackedTransfer): Watch {
    const watch = this.#watches.get(transfer.id) ?? { queues: new Set<EventQueue>(), told: transfer.snapshot() };
    this.#watches.set(transfer.id, watch);
    return watch;
  }

  #end(transfer: TrackedTransfer, error?: unknown): void {
    const { id } = transfer;
    this.#look(id);
    transfer.end(error);
    const event = this.#event(id, { type: 'ended', summary: summaryOf(transfer.snapshot()) });
    for (const queue of this.#overviews) queue.push(event);
    for (const queue of this.#watches.get(id)?.queues ?? []) {
      queue.push(event);
      queue.close();
    }
    const ended = [...this.#transfers.values()].filter(({ hasEnded }) => hasEnded);
    for (const { id: oldest } of ended.slice(0, -MOST_ENDED)) this.#transfers.delete(oldest);
    this.#toldSummaries.delete(id);
  }

  /** Looks at what is watched as long as somebody watches. */
  #watchOn(): void {
    const isWatched = this.#overviews.size > 0 || this.#watches.size > 0;
    if (isWatched && this.#timer === undefined) {
      this.#timer = setInterval(() => this.#lookAtAll(), SAMPLE_MS).unref();
    } else if (!isWatched) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #lookAtAll(): void {
    for (const id of this.#watches.keys()) this.#look(id);
    if (this.#overviews.size === 0) return;
    for (const id of this.#transfers.keys()) this.#lookOver(id);
    this.#lookAtRequests();
  }

  #lookAtRequests(): void {
    const requests = this.requests.list();
    // time passes for a tunnel that is silent as well, which is no news
    const now = JSON.stringify(requests, (name, value: unknown) => (name === 'elapsedMs' ? undefined : value));
    if (now === this.#toldRequests) return;
    this.#toldRequests = now;
    this.#tellOverviews('', { type: 'requests', requests });
  }

  /** Tells the watchers of a transfer what has changed. */
  #look(id: string): void {
    const watch = this.#watches.get(id);
    const transfer = this.#transfers.get(id);
    if (watch === undefined || transfer === undefined || transfer.hasEnded) return;
    const now = transfer.snapshot();
    const changes = changesBetween(watch.told, now);
    watch.told = now;
    for (const change of changes) this.#tellWatchers(id, change);
  }

  /** The same for those who watch all. */
  #lookOver(id: string): void {
    const transfer = this.#transfers.get(id);
    if (transfer === undefined || transfer.hasEnded || this.#overviews.size === 0) return;
    const { state, progress, elapsedMs } = transfer.summary();
    const known = this.#toldSummaries.get(id);
    const now = JSON.stringify([state, progress]);
    if (now === known) return;
    this.#toldSummaries.set(id, now);
    if (known !== undefined && !known.startsWith(`["${state}"`)) this.#tellOverviews(id, { type: 'state', state });
    this.#tellOverviews(id, { type: 'progress', elapsedMs, progress });
  }

  #tellWatchers(id: string, untold: Untold<DetailEvent>): void {
    const queues = this.#watches.get(id)?.queues;
    if (queues === undefined || queues.size === 0) return;
    const event = this.#event(id, untold);
    for (const queue of queues) queue.push(event);
  }

  #tellOverviews(id: string, untold: Untold<OverviewEvent>): void {
    const event = this.#event(id, untold);
    for (const queue of this.#overviews) queue.push(event);
  }

  #event(transfer: string, untold: Untold<ControlEvent>): ControlEvent {
    this.#events += 1;
    return { ...untold, id: this.#events, at: Date.now(), transfer };
  }
}

async function* read(queue: EventQueue, signal: AbortSignal | undefined): AsyncGenerator<ControlEvent> {
  const stop = (): void => queue.close();
  if (signal?.aborted === true) stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for (let event = await queue.next(); event !== undefined; event = await queue.next()) yield event;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
