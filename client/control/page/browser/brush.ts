// What a picture is drawn with: the part of a canvas that the pictures use, and the paints of a theme. Pictures take both as
// parameters and ask the page for nothing, so that a test can draw them with a brush that counts.

/** The part of CanvasRenderingContext2D that pictures use. */
export type Brush = {
  fillStyle: string | object;
  strokeStyle: string | object;
  lineWidth: number;
  globalAlpha: number;
  font: string;
  textAlign: string;
  textBaseline: string;
  clearRect(x: number, y: number, width: number, height: number): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  strokeRect(x: number, y: number, width: number, height: number): void;
  beginPath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  arc(x: number, y: number, radius: number, from: number, to: number): void;
  fill(): void;
  stroke(): void;
  fillText(text: string, x: number, y: number): void;
};

/** How one route is shown everywhere: a colour, a texture over it for eyes that do not see the colour, and its letter's ink. */
export type RoutePaint = {
  readonly fill: string;
  /** A CanvasPattern; undefined for the plain first one. */
  readonly texture: object | undefined;
  /** Readable upon `fill`. */
  readonly ink: string;
};

/** The paints of light or dark. */
export type Theme = {
  readonly routes: readonly RoutePaint[];
  /** Where nothing is yet. */
  readonly track: string;
  readonly surface: string;
  readonly ink: string;
  readonly faint: string;
  readonly alarm: string;
  readonly hedge: string;
};

/** Size of a picture, CSS pixels. */
export type Size = { readonly width: number; readonly height: number };

/** The paint of the route at place `route`; beyond the last they begin again, and the letter tells. */
export function paintOf(theme: Theme, route: number): RoutePaint {
  return theme.routes[route % theme.routes.length] ?? { fill: theme.ink, texture: undefined, ink: theme.surface };
}

/** A, B, … Z, A1, B1, …: how the route at place `route` is called in pictures. */
export function letterOf(route: number): string {
  const letter = String.fromCharCode('A'.charCodeAt(0) + (route % 26));
  return route < 26 ? letter : `${letter}${Math.floor(route / 26)}`;
}

/** A rectangle in a route's colour and texture. */
export function fillRoute(brush: Brush, paint: RoutePaint, x: number, y: number, width: number, height: number): void {
  brush.fillStyle = paint.fill;
  brush.fillRect(x, y, width, height);
  if (paint.texture === undefined || width < LEAST_TEXTURE || height < LEAST_TEXTURE) return;
  brush.fillStyle = paint.texture;
  brush.fillRect(x, y, width, height);
}

/** Pixels below which a texture is not seen. */
const LEAST_TEXTURE = 3;
