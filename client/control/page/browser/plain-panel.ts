// What the proxy does not split: one row for each request and tunnel, the newest first. Without any there is no panel.
import type { OverviewEvent } from '../../messages.ts';
import type { PlainRequest } from '../../plain-request.ts';
import { byId, create, say } from './elements.ts';
import { formatBytes, formatSeconds } from './format.ts';

type Row = { readonly row: HTMLElement; readonly cells: readonly HTMLElement[] };

export class PlainPanel {
  readonly #panel = byId('plain', HTMLElement);
  readonly #body = byId('plain-rows', HTMLElement);
  readonly #rows = new Map<string, Row>();
  #requests: readonly PlainRequest[] = [];

  take(event: OverviewEvent): void {
    if (event.type === 'requests') this.#requests = event.requests;
    // everything is told anew
    else if (event.type === 'transfers') this.#requests = [];
  }

  show(): void {
    this.#panel.hidden = this.#requests.length === 0;
    const known = new Set(this.#requests.map(({ id }) => id));
    for (const [id, { row }] of this.#rows) {
      if (known.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    for (const request of this.#requests.toReversed()) {
      const { row, cells } = this.#rows.get(request.id) ?? this.#add(request);
      row.dataset['state'] = request.state;
      for (const [at, text] of textsOf(request).entries()) say(cells[at] ?? row, text);
    }
  }

  #add({ id, method, target }: PlainRequest): Row {
    const cells = [create('td', 'outcome'), create('td', 'number'), create('td', 'number')];
    const what = create('th', '', create('span', 'method', method), ` ${target}`);
    what.setAttribute('scope', 'row');
    what.title = target;
    const added = { row: create('tr', '', what, ...cells), cells };
    this.#rows.set(id, added);
    this.#body.prepend(added.row);
    return added;
  }
}

function textsOf(request: PlainRequest): string[] {
  const { receivedBytes, sentBytes, elapsedMs } = request;
  const bytes = formatBytes(receivedBytes) + (sentBytes === null ? '' : ` ↓ ${formatBytes(sentBytes)} ↑`);
  return [outcomeOf(request), bytes, formatSeconds(elapsedMs / 1_000)];
}

function outcomeOf({ type, state, status, fault }: PlainRequest): string {
  if (state === 'failed') return `✕ ${fault?.message ?? 'failed'}`;
  if (type === 'tunnel') return state === 'running' ? 'open' : '✓ closed';
  if (state === 'running') return status === null ? 'asked' : `${status}, running`;
  return `✓ ${status ?? ''}`;
}
