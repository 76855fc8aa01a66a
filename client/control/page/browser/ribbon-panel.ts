// The ribbon in the page: drawn when the cells changed, looked at closely with the pointer or the arrow keys. What a cell
// holds is told in words.
import { letterOf } from './brush.ts';
import type { Theme } from './brush.ts';
import { CanvasSheet } from './canvas-sheet.ts';
import { byId, say } from './elements.ts';
import { formatBytes, formatCount } from './format.ts';
import { drawRibbon } from './ribbon-picture.ts';
import type { TransferView } from './transfer-view.ts';

/** Cells that Page Up and Page Down leap over. */
const LEAP = 32;

export class RibbonPanel {
  readonly #box = byId('ribbon', HTMLElement);
  readonly #text = byId('ribbon-text', HTMLElement);
  readonly #sheet: CanvasSheet;
  #view: TransferView | undefined;
  #cursor: number | undefined;

  /** `redraw` is called when it has to be drawn though nothing came. */
  constructor(redraw: () => void) {
    this.#sheet = new CanvasSheet(byId('ribbon-canvas', HTMLCanvasElement), redraw);
    const pointTo = (cell: number | undefined): void => {
      this.#cursor = cell;
      redraw();
    };
    this.#box.addEventListener('pointermove', ({ offsetX }) => pointTo(this.#cellAt(offsetX)));
    this.#box.addEventListener('pointerleave', () => pointTo(undefined));
    this.#box.addEventListener('blur', () => pointTo(undefined));
    this.#box.addEventListener('keydown', (event) => {
      const cell = event.key === 'Escape' ? undefined : this.#cellAfter(event.key);
      if (cell === undefined && event.key !== 'Escape') return;
      event.preventDefault();
      pointTo(cell);
    });
  }

  draw(view: TransferView, theme: Theme): void {
    this.#view = view;
    const { cloth } = view;
    const { inOrderBytes } = view.summary.progress;
    const inOrder = inOrderBytes / Math.max(1, view.snapshot.segmentBytes);
    if (this.#cursor !== undefined && this.#cursor >= cloth.cells) this.#cursor = undefined;
    drawRibbon(this.#sheet.ready(), cloth, theme, this.#sheet.size, { inOrder, cursorCell: this.#cursor });
    const text = this.#cursor === undefined ? wholeText(view) : cellText(view, this.#cursor);
    say(this.#text, text);
    this.#box.ariaValueMax = String(Math.max(0, cloth.cells - 1));
    this.#box.ariaValueNow = String(this.#cursor ?? 0);
    // the value of a slider is read out whenever it changes: only where somebody looks
    if (this.#cursor !== undefined || this.#box.ariaValueText === null) this.#box.ariaValueText = text;
  }

  #cellAt(x: number): number | undefined {
    const cells = this.#view?.cloth.cells ?? 0;
    if (cells === 0) return undefined;
    return Math.max(0, Math.min(cells - 1, Math.floor((x / Math.max(1, this.#sheet.size.width)) * cells)));
  }

  #cellAfter(key: string): number | undefined {
    const cells = this.#view?.cloth.cells ?? 0;
    if (cells === 0) return undefined;
    const now = this.#cursor ?? -1;
    const next = new Map([
      ['ArrowRight', now + 1],
      ['ArrowUp', now + 1],
      ['ArrowLeft', now - 1],
      ['ArrowDown', now - 1],
      ['PageUp', now + LEAP],
      ['PageDown', now - LEAP],
      ['Home', 0],
      ['End', cells - 1],
    ]).get(key);
    return next === undefined ? undefined : Math.max(0, Math.min(cells - 1, next));
  }
}

function wholeText({ cloth, snapshot }: TransferView): string {
  if (cloth.cells === 0) return 'the size is not known yet';
  return `${formatCount(cloth.count)} segments of ${formatBytes(snapshot.segmentBytes)}`;
}

function cellText({ cloth, routes }: TransferView, cell: number): string {
  const size = cloth.sizeOf(cell);
  const first = cloth.first + cell * cloth.perCell;
  const where =
    size === 1 ? `segment ${formatCount(first)}` : `segments ${formatCount(first)}–${formatCount(first + size - 1)}`;
  const parts = routes.map(({ name }, route) => [`${letterOf(route)} ${name}`, cloth.broughtBy(route, cell)] as const);
  const here = parts.reduce((sum, [, count]) => sum + count, cloth.earlierIn(cell));
  const all = [
    ...parts,
    ['from before', cloth.earlierIn(cell)] as const,
    ['missing', size - here] as const,
    ['hedged', cloth.hedgedIn(cell)] as const,
    ['corrupt', cloth.corruptIn(cell)] as const,
  ];
  const told = all.filter(([, count]) => count > 0);
  return `${where}: ${told.map(([what, count]) => (size === 1 ? what : `${what} ${formatCount(count)}`)).join(', ')}`;
}
