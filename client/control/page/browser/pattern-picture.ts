// The pattern as it changes: the newest cycle as beads with letters, below it the cycles before as rows of a weave.
import { fillRoute, letterOf, paintOf } from './brush.ts';
import type { Brush, Size, Theme } from './brush.ts';
import { NOBODY } from './pattern-rows.ts';
import type { PatternRow } from './pattern-rows.ts';

/** Pixels between two large beads: enough for a letter, and the most that stand in one line. */
const LEAST_PITCH = 17;
const MOST_PITCH = 22;
const MOST_PER_LINE = 32;
/** Pixels of a row of the weave, and of the space for its number. */
const ROW = 7;
const NUMBER_WIDTH = 44;
/** Every so many rows one is numbered: the digits are higher than a row. */
const NUMBERED = 4;

/** Pixels down to which the beads of the newest row reach. */
function beadsHeight(row: PatternRow | undefined, width: number): number {
  const lines = Math.max(1, Math.ceil((row?.beads.length ?? 0) / perLine(width)));
  return lines * pitchOf(width) + 8;
}

/** Draws `rows`, the newest first. */
export function drawPattern(brush: Brush, rows: readonly PatternRow[], theme: Theme, size: Size): void {
  brush.clearRect(0, 0, size.width, size.height);
  const [newest, ...earlier] = rows;
  if (newest === undefined || size.width < NUMBER_WIDTH) return;
  drawBeads(brush, newest, theme, size.width);
  let top = beadsHeight(newest, size.width);
  for (const [place, row] of earlier.entries()) {
    if (top + ROW > size.height) return;
    if (place % NUMBERED === 0) drawNumber(brush, row.epoch, theme, top);
    drawRow(brush, row, theme, top, size.width);
    top += ROW;
  }
}

function perLine(width: number): number {
  return Math.max(1, Math.min(MOST_PER_LINE, Math.floor(width / LEAST_PITCH)));
}

function pitchOf(width: number): number {
  return Math.min(MOST_PITCH, width / perLine(width));
}

function drawBeads(brush: Brush, { beads }: PatternRow, theme: Theme, width: number): void {
  const pitch = pitchOf(width);
  const inLine = perLine(width);
  const radius = pitch / 2 - 1;
  brush.textAlign = 'center';
  brush.textBaseline = 'middle';
  brush.font = `600 ${Math.round(pitch * 0.52)}px system-ui, sans-serif`;
  for (const [place, route] of beads.entries()) {
    const x = (place % inLine) * pitch + pitch / 2;
    const y = Math.floor(place / inLine) * pitch + pitch / 2;
    const paint = paintOf(theme, Math.max(0, route));
    brush.beginPath();
    brush.arc(x, y, route === NOBODY ? radius / 3 : radius, 0, 2 * Math.PI);
    brush.fillStyle = route === NOBODY ? theme.faint : paint.fill;
    brush.fill();
    if (route === NOBODY) continue;
    brush.fillStyle = paint.ink;
    brush.fillText(letterOf(route), x, y + 0.5);
  }
}

function drawRow(brush: Brush, row: PatternRow, theme: Theme, top: number, width: number): void {
  const cells = Math.max(1, row.beads.length);
  const edge = (cell: number): number => Math.round(NUMBER_WIDTH + (cell * (width - NUMBER_WIDTH)) / cells);
  for (let from = 0; from < row.beads.length; ) {
    const route = row.beads[from] ?? NOBODY;
    let until = from + 1;
    while (row.beads[until] === route) until += 1;
    if (route !== NOBODY) {
      fillRoute(brush, paintOf(theme, route), edge(from), top, edge(until) - edge(from), ROW - 1);
    }
    from = until;
  }
}

function drawNumber(brush: Brush, epoch: number, theme: Theme, top: number): void {
  brush.textAlign = 'right';
  brush.textBaseline = 'middle';
  brush.font = '10px system-ui, sans-serif';
  brush.fillStyle = theme.faint;
  brush.fillText(String(epoch), NUMBER_WIDTH - 8, top + ROW / 2);
}
