// The ribbon: the whole object from left to right, in each column who brought how much of it, one route's layer upon the
// other; what is missing stays empty. Above it second requests, below it false copies. However large the object is, no
// more is drawn than columns × routes.
import { fillRoute, paintOf } from './brush.ts';
import type { Brush, Size, Theme } from './brush.ts';
import type { SegmentCloth } from './segment-cloth.ts';

/** Pixels of the lanes above and below, and of one mark in them. */
const LANE = 12;
const MARK = 7;
/** Columns are at least so wide: thinner ones, of a segment or two, are a flicker and no shares. */
const LEAST_COLUMN = 4;
/** From this width on they stand apart from each other. */
const LEAST_GAPPED = 7;
const GAP = 1;

/** What is pointed out on the ribbon, as segments of the object. */
export type RibbonPoints = { readonly inOrder: number; readonly cursorCell: number | undefined };

/** Columns of a ribbon of so many pixels. */
function columnsOf(cloth: SegmentCloth, width: number): number {
  return Math.max(1, Math.min(cloth.cells, Math.floor(width / LEAST_COLUMN)));
}

/** Draws all of it. */
export function drawRibbon(brush: Brush, cloth: SegmentCloth, theme: Theme, size: Size, points: RibbonPoints): void {
  const { width, height } = size;
  const band = height - 2 * LANE;
  brush.clearRect(0, 0, width, height);
  brush.fillStyle = theme.track;
  brush.fillRect(0, LANE, width, band);
  if (cloth.cells === 0 || width < MARK) return;
  drawLayers(brush, cloth, theme, width, band);
  drawMarks(brush, cloth, theme, size);
  const point = (width * cloth.cellAt(points.inOrder)) / cloth.cells;
  brush.fillStyle = theme.ink;
  brush.fillRect(Math.min(width - 2, Math.round(point)), LANE - 4, 2, band + 8);
  if (points.cursorCell === undefined) return;
  const left = (width * points.cursorCell) / cloth.cells;
  brush.strokeStyle = theme.ink;
  brush.lineWidth = 1;
  brush.strokeRect(Math.round(left) - 1.5, LANE - 2.5, Math.max(3, Math.round(width / cloth.cells)) + 2, band + 5);
}

function drawLayers(brush: Brush, cloth: SegmentCloth, theme: Theme, width: number, band: number): void {
  const columns = columnsOf(cloth, width);
  const gap = width / columns >= LEAST_GAPPED ? GAP : 0;
  const edge = (column: number): number => Math.round((column * width) / columns);
  const sizes = new Float64Array(columns);
  const below = new Float64Array(columns);
  eachCell(cloth, columns, (cell, column) => (sizes[column] = (sizes[column] ?? 0) + cloth.sizeOf(cell)));
  for (let layer = -1; layer < cloth.routes; layer += 1) {
    const counts = new Float64Array(columns);
    eachCell(cloth, columns, (cell, column) => {
      counts[column] = (counts[column] ?? 0) + (layer < 0 ? cloth.earlierIn(cell) : cloth.broughtBy(layer, cell));
    });
    const paint = layer < 0 ? { fill: theme.faint, texture: undefined, ink: theme.surface } : paintOf(theme, layer);
    let run = { from: 0, top: 0, bottom: 0 };
    const flush = (until: number): void => {
      if (run.bottom <= run.top) return;
      fillRoute(brush, paint, edge(run.from), LANE + run.top, edge(until) - edge(run.from) - gap, run.bottom - run.top);
    };
    for (let column = 0; column < columns; column += 1) {
      const { [column]: base = 0 } = below;
      const { [column]: total = 1 } = sizes;
      const above = base + (counts[column] ?? 0);
      const bottom = band - Math.round((band * base) / total);
      const top = band - Math.round((band * Math.min(total, above)) / total);
      if (gap > 0 || top !== run.top || bottom !== run.bottom) {
        flush(column);
        run = { from: column, top, bottom };
      }
      below[column] = above;
    }
    flush(columns);
  }
}

/** One mark per place, however many there are: triangles for second requests, crosses for false copies. */
function drawMarks(brush: Brush, cloth: SegmentCloth, theme: Theme, { width, height }: Size): void {
  const places = Math.max(1, Math.floor(width / MARK));
  const hedged = new Uint8Array(places);
  const corrupt = new Uint8Array(places);
  for (let cell = 0; cell < cloth.cells; cell += 1) {
    const place = Math.min(places - 1, Math.floor(((cell + 0.5) * places) / cloth.cells));
    if (cloth.hedgedIn(cell) > 0) hedged[place] = 1;
    if (cloth.corruptIn(cell) > 0) corrupt[place] = 1;
  }
  brush.fillStyle = theme.hedge;
  brush.beginPath();
  for (const [place, isMarked] of hedged.entries()) {
    if (isMarked === 0) continue;
    const x = ((place + 0.5) * width) / places;
    brush.moveTo(x - 3, 2);
    brush.lineTo(x + 3, 2);
    brush.lineTo(x, LANE - 3);
  }
  brush.fill();
  brush.strokeStyle = theme.alarm;
  brush.lineWidth = 1.75;
  brush.beginPath();
  for (const [place, isMarked] of corrupt.entries()) {
    if (isMarked === 0) continue;
    const x = ((place + 0.5) * width) / places;
    const y = height - LANE / 2 + 1;
    brush.moveTo(x - 2.75, y - 2.75);
    brush.lineTo(x + 2.75, y + 2.75);
    brush.moveTo(x - 2.75, y + 2.75);
    brush.lineTo(x + 2.75, y - 2.75);
  }
  brush.stroke();
}

function eachCell(cloth: SegmentCloth, columns: number, visit: (cell: number, column: number) => void): void {
  const { cells } = cloth;
  for (let cell = 0; cell < cells; cell += 1) visit(cell, Math.floor((cell * columns) / cells));
}
