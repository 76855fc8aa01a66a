// The paints of light or dark for pictures on a canvas: the colours are those of page.css, the textures are made here. They
// are the same on cards and in pictures, so that a route is known without its colour.
import type { RoutePaint, Theme } from './brush.ts';

const ROUTES = 8;
/** Pixels of a tile of a texture. */
const TILE = 6;
/** Strokes of each texture upon the tile, as x1 y1 x2 y2; the first route is plain. */
const STROKES: readonly (readonly (readonly [number, number, number, number])[])[] = [
  [],
  [
    [-1, 7, 7, -1],
    [-1, 1, 1, -1],
    [5, 7, 7, 5],
  ],
  [[0, 3, 6, 3]],
  [
    [-1, -1, 7, 7],
    [5, -1, 7, 1],
    [-1, 5, 1, 7],
  ],
  [[3, 0, 3, 6]],
  [
    [0, 3, 6, 3],
    [3, 0, 3, 6],
  ],
  [
    [1, 1.5, 3, 1.5],
    [4, 4.5, 6, 4.5],
  ],
  [
    [-1, 7, 7, -1],
    [-1, -1, 7, 7],
  ],
];

/** The paints as the page's style has them now. `scale`: pixels of the screen per CSS pixel. */
export function readTheme(scale: number): Theme {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    routes: Array.from({ length: ROUTES }, (_, route): RoutePaint => {
      const ink = colour(`ink-${route}`);
      return { fill: colour(`route-${route}`), ink, texture: textureOf(route, ink, scale) };
    }),
    track: colour('track'),
    surface: colour('surface'),
    ink: colour('ink'),
    faint: colour('faint'),
    alarm: colour('alarm'),
    hedge: colour('hedge'),
  };
}

function textureOf(route: number, ink: string, scale: number): CanvasPattern | undefined {
  const strokes = STROKES[route] ?? [];
  if (strokes.length === 0) return undefined;
  const tile = document.createElement('canvas');
  tile.width = TILE * 2;
  tile.height = TILE * 2;
  const brush = tile.getContext('2d');
  if (brush === null) return undefined;
  brush.scale(2, 2);
  brush.strokeStyle = ink;
  brush.globalAlpha = 0.3;
  brush.lineWidth = 1;
  brush.beginPath();
  for (const [x1, y1, x2, y2] of strokes) {
    brush.moveTo(x1, y1);
    brush.lineTo(x2, y2);
  }
  brush.stroke();
  const texture = brush.createPattern(tile, 'repeat') ?? undefined;
  // the tile is twice as fine as a CSS pixel, and the brush of a picture is scaled already
  texture?.setTransform(new DOMMatrix().scale((0.5 * Math.max(1, Math.round(scale))) / Math.max(1, scale)));
  return texture;
}
