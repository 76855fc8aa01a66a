// Colours as eyes see them: contrast of WCAG 2, and how far two colours are apart (OKLab) for people with each kind of
// colour vision (simulated after Machado, Oliveira and Fernandes 2009, full severity).

/** Linear light matrices, row by row. */
const SIMULATIONS = {
  full: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
} as const;

export type Vision = keyof typeof SIMULATIONS;
export const VISIONS = Object.keys(SIMULATIONS) as readonly Vision[];

type Light = readonly [red: number, green: number, blue: number];

/** From 1 (alike) to 21, for colours written #rrggbb or rgb(r, g, b). */
export function contrastOf(one: string, other: string): number {
  const [dark = 0, light = 0] = [one, other].map((colour) => luminance(lightOf(colour))).sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** How different two colours look. */
export function distanceOf(one: string, other: string, vision: Vision): number {
  const [a, b] = [one, other].map((colour) => oklab(seen(lightOf(colour), vision))) as [Light, Light];
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

function lightOf(colour: string): Light {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  const decimal = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(colour);
  const parts = hex?.slice(1).map((part) => Number.parseInt(part, 16)) ?? decimal?.slice(1).map(Number);
  if (parts === undefined) throw new Error(`${colour} is no colour that is known here`);
  const [red = 0, green = 0, blue = 0] = parts
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return [red, green, blue];
}

function luminance([red, green, blue]: Light): number {
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function seen(light: Light, vision: Vision): Light {
  const matrix = SIMULATIONS[vision];
  const row = (at: number): number => {
    const sum = light.reduce((part, value, place) => part + value * (matrix[at * 3 + place] ?? 0), 0);
    return Math.max(0, Math.min(1, sum));
  };
  return [row(0), row(1), row(2)];
}

function oklab([red, green, blue]: Light): Light {
  const l = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const m = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const s = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}
