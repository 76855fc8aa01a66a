// The reorder window, one segment per cell, in reading order: what is here waits filled, what is missing is an empty frame
// in the colour of the route that owes it. The first missing one is the in-order point. Rows stand still until the first
// is through, so that nothing slides.
import { letterOf, paintOf } from './brush.ts';
import type { Brush, Size, Theme } from './brush.ts';
import { NOBODY } from './pattern-rows.ts';

/** A segment in `here` that no route has brought, and one that an earlier transfer left. */
export const MISSING = -1;
export const EARLIER = -2;

/** The window from the in-order point on. */
export type WindowView = {
  /** Segment of the object at the in-order point: the first of `here` and `owed`. */
  readonly inOrder: number;
  /** Place of the route that brought each segment, MISSING or EARLIER. */
  readonly here: Int16Array;
  /** Place of the route that owes each segment, or NOBODY. */
  readonly owed: Int16Array;
};

/** Pixels of a cell with its gap, the largest first. */
const PITCHES = [20, 17, 15, 13, 11, 9, 7, 5];
/** From this size on a cell bears its letter. */
const LEAST_LETTERED = 13;
const GAP = 2;
/** How faint a missing segment is beside those that are here. */
const MISSING_ALPHA = 0.55;

/** Cells in a row and rows for so many segments; what does not fit is left out. */
function gridOf({ width, height }: Size, segments: number): { pitch: number; perRow: number; rows: number } {
  const fit = PITCHES.map((pitch) => ({ pitch, perRow: Math.floor(width / pitch), rows: Math.floor(height / pitch) }));
  const roomy = fit.find(({ perRow, rows }) => perRow * (rows - 1) >= segments);
  return roomy ?? fit.at(-1) ?? { pitch: 1, perRow: 1, rows: 1 };
}

/** Draws the window. */
export function drawWindow(brush: Brush, view: WindowView, theme: Theme, size: Size): void {
  brush.clearRect(0, 0, size.width, size.height);
  const { pitch, perRow, rows } = gridOf(size, view.here.length);
  if (perRow < 1 || view.here.length === 0) return;
  const start = Math.floor(view.inOrder / perRow) * perRow;
  const cells = Math.min(rows * perRow, view.inOrder - start + view.here.length);
  const side = pitch - GAP;
  brush.textAlign = 'center';
  brush.textBaseline = 'middle';
  brush.font = `600 ${Math.round(side * 0.68)}px system-ui, sans-serif`;
  brush.lineWidth = 1;
  for (let cell = 0; cell < cells; cell += 1) {
    const x = (cell % perRow) * pitch + 1;
    const y = Math.floor(cell / perRow) * pitch + 1;
    const at = start + cell - view.inOrder;
    if (at < 0) {
      brush.fillStyle = theme.track;
      brush.fillRect(x, y, side, side);
    } else drawCell(brush, view, theme, { at, x, y, side, isLettered: pitch >= LEAST_LETTERED });
  }
  const first = view.inOrder - start;
  brush.strokeStyle = theme.ink;
  brush.lineWidth = 2;
  brush.strokeRect((first % perRow) * pitch, 0, pitch, pitch);
}

type Cell = {
  readonly at: number;
  readonly x: number;
  readonly y: number;
  readonly side: number;
  readonly isLettered: boolean;
};

function drawCell(brush: Brush, view: WindowView, theme: Theme, { at, x, y, side, isLettered }: Cell): void {
  const route = view.here[at] ?? MISSING;
  const owner = view.owed[at] ?? NOBODY;
  const middle = side / 2;
  if (route === EARLIER) {
    brush.fillStyle = theme.faint;
    brush.fillRect(x, y, side, side);
  } else if (route >= 0) {
    const paint = paintOf(theme, route);
    brush.fillStyle = paint.fill;
    brush.fillRect(x, y, side, side);
    brush.fillStyle = paint.texture ?? paint.fill;
    if (!isLettered && paint.texture !== undefined) brush.fillRect(x, y, side, side);
    brush.fillStyle = paint.ink;
    if (isLettered) brush.fillText(letterOf(route), x + middle, y + middle + 0.5);
  } else if (owner === NOBODY) {
    brush.fillStyle = theme.track;
    brush.fillRect(x + middle - 1, y + middle - 1, 2, 2);
  } else {
    brush.strokeStyle = paintOf(theme, owner).fill;
    brush.globalAlpha = MISSING_ALPHA;
    brush.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
    brush.globalAlpha = 1;
    brush.fillStyle = theme.faint;
    if (isLettered) brush.fillText(letterOf(owner), x + middle, y + middle + 0.5);
  }
}
