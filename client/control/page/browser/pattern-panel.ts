// The pattern in the page: its number, the beads, and in words how many positions each route has.
import { letterOf } from './brush.ts';
import type { Theme } from './brush.ts';
import { CanvasSheet } from './canvas-sheet.ts';
import { byId, say } from './elements.ts';
import { formatCount } from './format.ts';
import { drawPattern } from './pattern-picture.ts';
import { beadCounts, NOBODY } from './pattern-rows.ts';
import type { PatternRow } from './pattern-rows.ts';
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
    say(this.#epoch, newest === undefined ? '' : titleOf(view, newest));
    say(this.#text, newest === undefined ? 'no pattern yet' : wordsOf(view, newest));
  }
}

function titleOf({ pattern }: TransferView, { epoch, part }: PatternRow): string {
  const lead = part === 'cycle' ? (pattern?.leadLength ?? 0) : 0;
  return `epoch ${epoch}${lead > 0 ? ` · behind a lead of ${formatCount(lead)}` : ''}`;
}

function wordsOf({ routes }: TransferView, row: PatternRow): string {
  const counts = beadCounts(row).map(({ route, count }) => {
    return `${route === NOBODY ? 'nobody' : `${letterOf(route)} ${routes[route]?.name ?? ''}`} ${count}`;
  });
  if (row.beads.length === 0) return 'nothing is dealt';
  return `${row.part === 'lead' ? 'the rest, one by one' : `of ${row.beads.length}`}: ${counts.join(' · ')}`;
}
