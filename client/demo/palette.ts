// Colours of routes: from the palette of Okabe and Ito, which people with any kind of colour vision can tell apart; the
// letter beside says the same. On a terminal with 16 colours the nearest of those, elsewhere (or with NO_COLOR) none.

/** `text` in the colour of the route at place `route`. */
export type Palette = (route: number, text: string) => string;

/** Sky blue, orange, reddish purple, bluish green, yellow. */
const COLOURS_256 = [74, 208, 175, 36, 185];
const COLOURS_16 = [36, 33, 35, 32, 93];
const RESET = '\u001b[39m';

/** The palette for a stream: `getColorDepth` is that of a terminal, which minds NO_COLOR. */
export function paletteFor(stream: { readonly isTTY?: boolean; getColorDepth?(): number }): Palette {
  const depth = stream.isTTY === true ? (stream.getColorDepth?.() ?? 1) : 1;
  if (depth >= 8) return (route, text) => `\u001b[38;5;${COLOURS_256[route % COLOURS_256.length]}m${text}${RESET}`;
  if (depth >= 4) return (route, text) => `\u001b[${COLOURS_16[route % COLOURS_16.length]}m${text}${RESET}`;
  return (_route, text) => text;
}

/** The letter of the route at place `route`. */
export function letterOf(route: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + (route % 26));
}
