// The transfers of this program, newest first, and which of them is shown. With a single one there is nothing to choose.
import type { OverviewEvent, TransferSummary } from '../../messages.ts';
import { byId, create, createButton, say } from './elements.ts';
import { formatShare } from './format.ts';

/** Transfers that can be chosen from; of more the newest. */
const MOST_SHOWN = 50;

export class TransferList {
  readonly #nav = byId('transfers', HTMLElement);
  readonly #choose: (id: string) => void;
  readonly #buttons = new Map<string, { readonly button: HTMLElement; readonly state: HTMLElement }>();
  #transfers: TransferSummary[] = [];

  constructor(choose: (id: string) => void) {
    this.#choose = choose;
  }

  /** Newest first. */
  get transfers(): readonly TransferSummary[] {
    return this.#transfers;
  }

  take(event: OverviewEvent): void {
    if (event.type === 'transfers') this.#transfers = [...event.transfers].slice(0, MOST_SHOWN);
    else if (event.type === 'started') {
      this.#transfers = [event.summary, ...this.#transfers.filter(({ id }) => id !== event.transfer)].slice(
        0,
        MOST_SHOWN,
      );
    } else if (event.type === 'progress') {
      this.#update(event.transfer, { elapsedMs: event.elapsedMs, progress: event.progress });
    } else if (event.type === 'state') this.#update(event.transfer, { state: event.state });
    else if (event.type === 'ended') this.#update(event.transfer, event.summary);
  }

  show(chosen: string | undefined): void {
    this.#nav.hidden = this.#transfers.length < 2;
    if (this.#transfers.map(({ id }) => id).join('\n') !== [...this.#buttons.keys()].join('\n')) this.#make();
    for (const { id, state, progress } of this.#transfers) {
      const made = this.#buttons.get(id);
      if (made === undefined) continue;
      const here = progress.receivedBytes + progress.resumedBytes;
      const share = progress.bytes === null || progress.bytes === 0 ? 0 : Math.min(1, here / progress.bytes);
      say(made.state, state === 'running' ? formatShare(share) : state);
      made.button.setAttribute('aria-current', String(id === chosen));
    }
  }

  #make(): void {
    const focused = [...this.#buttons].find(([, { button }]) => button === document.activeElement)?.[0];
    this.#buttons.clear();
    for (const { id, key } of this.#transfers) {
      const button = createButton(key, () => this.#choose(id));
      const state = create('small', '');
      button.append(state);
      button.title = key;
      this.#buttons.set(id, { button, state });
    }
    this.#nav.replaceChildren(...[...this.#buttons.values()].map(({ button }) => button));
    if (focused !== undefined) this.#buttons.get(focused)?.button.focus();
  }

  #update(id: string, news: Partial<TransferSummary>): void {
    this.#transfers = this.#transfers.map((transfer) => (transfer.id === id ? { ...transfer, ...news } : transfer));
  }
}
