// The pattern in the page: its number, the beads, and in words how many positions each route has.
import { letterOf } from './brush.ts';
import type { Theme } from './brush.ts';
import { CanvasSheet } from './canvas-sheet.ts';
import { byId, say } from './elements.ts';
import { drawPattern } from './pattern-picture.ts';
import { beadCounts, NOBODY } from './pattern-rows.ts';
import type { TransferView } from './transfer-view.ts';

export class PatternPanel {
  readonly #epoch = byId('epoch', HTMLElement);
  readonly #text = byId('pattern-text', HTMLElement);
  readonly #sheet: CanvasSheet;

  /** `redraw` is called when it has to be drawn though nothing came. */
  constructor(redraw: () => void) {
    this.#sheet = new CanvasSheet(byId('pattern-canvas', HTMLCanvasElement), redraw);
  }

  draw(view: TransferView, theme: Theme): void {
    drawPattern(this.#sheet.ready(), view.rows, theme, this.#sheet.size);
    const [newest] = view.rows;
    say(this.#epoch, newest === undefined ? '' : `epoch ${newest.epoch}`);
    say(this.#text, newest === undefined ? 'no pattern yet' : wordsOf(view, newest));
  }
}

function wordsOf({ pattern, routes }: TransferView, row: TransferView['rows'][number]): string {
  const counts = beadCounts(row).map(({ route, count }) => {
    return `${route === NOBODY ? 'nobody' : `${letterOf(route)} ${routes[route]?.name ?? ''}`} ${count}`;
  });
  if (row.beads.length === 0) return 'nothing is dealt';
  if (row.part === 'lead') return `the rest, one by one: ${counts.join(' · ')}`;
  const lead = pattern === null ? 0 : pattern.leadLength;
  return `of ${row.beads.length} positions: ${counts.join(' · ')}${lead > 0 ? `; behind a lead of ${lead}` : ''}`;
}
