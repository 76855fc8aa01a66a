// Elements of the page: those of page.html by their id, and new ones. Text goes in as text, never as HTML.

/** An element of page.html. Throws when it is not of the kind expected. */
export function byId<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`page.html has no ${kind.name} #${id}`);
  return element;
}

/** A new element with a class, and texts or elements in it. */
export function create<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  ...content: readonly (string | Node)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  element.append(...content);
  return element;
}

/** A button that does `action`. */
export function createButton(label: string, action: () => void): HTMLButtonElement {
  const button = create('button', '', label);
  button.type = 'button';
  button.addEventListener('click', action);
  return button;
}

/** Writes `text` where it is not there already: what does not change costs no layout, and is not read out again. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Figures by name, kept up in a <dl>: rows come and go as they are told. */
export class FigureList {
  readonly #list: HTMLElement;
  readonly #values = new Map<string, HTMLElement>();

  constructor(list: HTMLElement) {
    this.#list = list;
  }

  /** Shows exactly these, in this order. Returns the elements of their values. */
  show(figures: readonly (readonly [name: string, value: string])[]): ReadonlyMap<string, HTMLElement> {
    const names = figures.map(([name]) => name);
    if (names.join('\n') !== [...this.#values.keys()].join('\n')) {
      this.#values.clear();
      const rows = names.map((name) => {
        const value = create('dd', '');
        this.#values.set(name, value);
        return create('div', '', create('dt', '', name), value);
      });
      this.#list.replaceChildren(...rows);
    }
    for (const [name, value] of figures) say(this.#values.get(name) ?? this.#list, value);
    return this.#values;
  }
}
