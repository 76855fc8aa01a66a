// A picture of a run as SVG: segments by route over time, the in-order point, pattern epochs as thin lines, pauses.
import type { Scenario } from '../scenario/scenario.ts';
import type { Trace } from './trace.ts';

const WIDTH = 1_400;
const LEFT = 70;
const RIGHT = 20;
const TOP = 40;
const PLOT_HEIGHT = 520;
const LANE_HEIGHT = 46;
const GAP = 30;
const COLOURS = ['#1f77b4', '#ff7f0e', '#2ca02c', '#9467bd', '#8c564b', '#17becf', '#bcbd22', '#e377c2'] as const;
const BIN_MS = 50;

/** The whole picture. */
export function timelineSvg(scenario: Scenario, trace: Trace): string {
  const endMs = Math.max(1, trace.rows.at(-1)?.atMs ?? 1, trace.arrivals.at(-1)?.atMs ?? 1);
  const segments = Math.max(1, ...trace.arrivals.map(({ index }) => index + 1));
  const x = (ms: number): number => LEFT + (ms / endMs) * (WIDTH - LEFT - RIGHT);
  const y = (index: number): number => TOP + PLOT_HEIGHT - (index / segments) * PLOT_HEIGHT;
  const height = TOP + PLOT_HEIGHT + GAP + scenario.routes.length * LANE_HEIGHT + GAP;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    text(LEFT, 18, `${scenario.name}: ${(scenario.bytes / 1e6).toFixed(0)} MB in ${(endMs / 1_000).toFixed(2)} s`),
    ...legend(scenario),
    ...axis(endMs, x, height),
    ...epochs(trace, x),
    ...arrivals(trace, x, y),
    pointLine(trace, x, y),
    ...scenario.routes.map((route, index) => lane(trace, index, route.name, route.rateMbit, endMs, x)),
    '</svg>',
  ].join('\n');
}

function legend({ routes }: Scenario): string[] {
  return routes.map((route, index) => {
    const place = WIDTH - RIGHT - 150 * (routes.length - index);
    const label = `${route.name} ${route.rateMbit} Mbit/s ${route.rttMs} ms`;
    return `<rect x="${place}" y="9" width="10" height="10" fill="${colour(index)}"/>${text(place + 14, 18, label)}`;
  });
}

function axis(endMs: number, x: (ms: number) => number, height: number): string[] {
  const step = endMs > 30_000 ? 5_000 : 1_000;
  const lines: string[] = [];
  for (let ms = 0; ms <= endMs; ms += step) {
    const at = x(ms).toFixed(1);
    lines.push(`<line x1="${at}" y1="${TOP}" x2="${at}" y2="${height - GAP}" stroke="#ddd"/>`);
    lines.push(text(x(ms), height - 12, `${ms / 1_000} s`));
  }
  return lines;
}

function epochs({ patterns }: Trace, x: (ms: number) => number): string[] {
  const path = patterns.map(({ atMs }) => `M${x(atMs).toFixed(1)} ${TOP - 6}v6`).join('');
  return [`<path d="${path}" stroke="#d62728" stroke-width="0.6"/>`, text(4, TOP, 'epochs')];
}

/** A dot per segment; larger and hollow when it came by SEND, crossed out when it was here already. */
function arrivals(trace: Trace, x: (ms: number) => number, y: (index: number) => number): string[] {
  const plain = new Map<number, string[]>();
  const special: string[] = [];
  for (const { atMs, index, route, by, isRepeated } of trace.arrivals) {
    const [left, top] = [x(atMs).toFixed(1), y(index).toFixed(1)];
    if (isRepeated) special.push(`<path d="M${left} ${top}m-3 -3l6 6m0 -6l-6 6" stroke="#d62728"/>`);
    else if (by === 'send') {
      special.push(`<circle cx="${left}" cy="${top}" r="2.5" fill="none" stroke="${colour(route)}"/>`);
    } else plain.set(route, [...(plain.get(route) ?? []), `M${left} ${top}h1.4`]);
  }
  const dots = [...plain].map(
    ([route, path]) => `<path d="${path.join('')}" stroke="${colour(route)}" stroke-width="1.4"/>`,
  );
  return [...dots, ...special];
}

function pointLine({ points }: Trace, x: (ms: number) => number, y: (index: number) => number): string {
  const steps = points.map(({ atMs, point }) => `H${x(atMs).toFixed(1)}V${y(point).toFixed(1)}`);
  return `<path d="M${LEFT} ${y(0)}${steps.join('')}" fill="none" stroke="#000" stroke-width="0.8"/>`;
}

/** Rate of one route in steps of 50 ms, as a part of its starting rate. */
function lane(
  trace: Trace,
  route: number,
  name: string,
  rateMbit: number,
  endMs: number,
  x: (ms: number) => number,
): string {
  const bottom = TOP + PLOT_HEIGHT + GAP + (route + 1) * LANE_HEIGHT;
  const bins: number[] = Array.from({ length: Math.ceil(endMs / BIN_MS) + 1 }, () => 0);
  for (const arrival of trace.arrivals) {
    const bin = Math.floor(arrival.atMs / BIN_MS);
    if (arrival.route === route) bins[bin] = (bins[bin] ?? 0) + 1;
  }
  const whole = (rateMbit * 125 * BIN_MS) / 32_768;
  const steps = bins.map((count, at) => {
    const top = bottom - Math.min(1.2, count / Math.max(whole, 0.5)) * (LANE_HEIGHT - 10);
    return `V${top.toFixed(1)}H${Math.min(WIDTH - RIGHT, x((at + 1) * BIN_MS)).toFixed(1)}`;
  });
  const area = `<path d="M${LEFT} ${bottom}${steps.join('')}V${bottom}Z" fill="${colour(route)}" fill-opacity="0.6"/>`;
  return area + text(4, bottom, name);
}

function colour(route: number): string {
  return COLOURS[route % COLOURS.length] ?? '#000';
}

function text(x: number, y: number, content: string): string {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(0)}" y="${y.toFixed(0)}">${safe}</text>`;
}
