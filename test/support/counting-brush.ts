// A brush that draws nothing and remembers what it was asked to draw, so that a test counts operations and looks at them.
import type { Brush, Theme } from '../../client/control/page/browser/brush.ts';

/** One stroke: its method, its numbers (or text), and the colour it had. */
export type Stroke = { readonly method: string; readonly values: readonly unknown[]; readonly colour: unknown };

const METHODS = [
  'clearRect',
  'fillRect',
  'strokeRect',
  'beginPath',
  'moveTo',
  'lineTo',
  'arc',
  'fill',
  'stroke',
  'fillText',
] as const;

/** The brush and its strokes, in their order. */
export function countingBrush(): { readonly brush: Brush; readonly strokes: Stroke[] } {
  const strokes: Stroke[] = [];
  const settings = {
    fillStyle: '' as string | object,
    strokeStyle: '' as string | object,
    lineWidth: 1,
    globalAlpha: 1,
    font: '',
    textAlign: '',
    textBaseline: '',
  };
  const methods = METHODS.map((method) => [
    method,
    function record(this: Brush, ...values: unknown[]): void {
      const isStroke = method === 'strokeRect' || method === 'stroke';
      strokes.push({ method, values, colour: isStroke ? this.strokeStyle : this.fillStyle });
    },
  ]);
  return { brush: Object.assign(settings, Object.fromEntries(methods)) as Brush, strokes };
}

/** Paints that can be told apart in strokes: route-0, route-1, …, with textures from the second on. */
export function namedTheme(routes: number): Theme {
  return {
    routes: Array.from({ length: routes }, (_, route) => ({
      fill: `route-${route}`,
      ink: `ink-${route}`,
      texture: route === 0 ? undefined : { texture: route },
    })),
    track: 'track',
    surface: 'surface',
    ink: 'ink',
    faint: 'faint',
    alarm: 'alarm',
    hedge: 'hedge',
  };
}
