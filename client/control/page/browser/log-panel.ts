// The log in the page: a bounded list of lines, newest first, read out politely as they come.
import { byId, create, say } from './elements.ts';
import { formatCount } from './format.ts';
import type { Happening } from './happenings.ts';

export class LogPanel {
  readonly #list = byId('log', HTMLElement);
  readonly #items = new Map<Happening, HTMLElement>();

  /** Shows exactly these, oldest first; what is shown already stays as it is. */
  show(lines: readonly Happening[]): void {
    const wanted = new Set(lines);
    const gone = [...this.#items].filter(([line]) => !wanted.has(line));
    for (const line of lines) {
      if (this.#items.has(line)) continue;
      // a line that only counts on keeps its element, so that it is not read out again
      const same = gone.findIndex(([{ at, kind }]) => kind !== undefined && kind === line.kind && at === line.at);
      const [former] = same < 0 ? [] : gone.splice(same, 1);
      if (former !== undefined) this.#items.delete(former[0]);
      const item = former?.[1] ?? this.#add(line);
      this.#items.set(line, item);
      say(item.querySelector('span') ?? item, textOf(line));
    }
    for (const [line, item] of gone) {
      item.remove();
      this.#items.delete(line);
    }
  }

  #add(line: Happening): HTMLElement {
    const time = create('time', '', new Date(line.at).toLocaleTimeString('en-GB'));
    time.dateTime = new Date(line.at).toISOString();
    const item = create('li', '', time, create('span', ''));
    item.dataset['tone'] = line.tone;
    this.#list.prepend(item);
    return item;
  }
}

function textOf({ text, times = 1 }: Happening): string {
  return times > 1 ? `${text} (${formatCount(times)} ×)` : text;
}
