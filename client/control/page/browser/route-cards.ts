// A card per route: how it is called in all pictures, its state, rate, share, latency, counts, and what can be said of it.
// A card is made once and then kept up, so that the focus stays where it is.
import type { Preference, RankingReason, RouteState } from '../../messages.ts';
import { letterOf } from './brush.ts';
import { byId, create, createButton, FigureList, say } from './elements.ts';
import { formatBytes, formatCount, formatRate, formatShare } from './format.ts';
import { SPARK_VALUES, sparkPaths } from './sparkline.ts';
import type { LatestValues } from './sparkline.ts';
import type { TransferView } from './transfer-view.ts';

/** How a state is told without its colour. */
const STATE_SIGNS: Readonly<Record<RouteState['state'], string>> = Object.freeze({
  connecting: '◌ connecting',
  active: '● active',
  standby: '○ standing by',
  stalled: '▲ stalled',
  down: '✕ down',
  excluded: '⊘ excluded',
});
const PAINTS = 8;
const SPARK_HEIGHT = 36;
const SVG = 'http://www.w3.org/2000/svg';
/** ms that a latency's scale reaches at least, and by which factor it leaves room above. */
const LEAST_SCALE_MS = 10;
const SCALE_ROOM = 1.15;

export type RouteCommandListener = (route: string, preference: Preference) => void;

export class RouteCards {
  readonly #list = byId('cards', HTMLElement);
  readonly #command: RouteCommandListener;
  #cards: RouteCard[] = [];

  constructor(command: RouteCommandListener) {
    this.#command = command;
  }

  show(view: TransferView): void {
    const { routes, summary, hasEnded } = view;
    const names = routes.map(({ name }) => name);
    if (names.join('\n') !== this.#cards.map(({ name }) => name).join('\n')) {
      this.#cards = names.map((name, place) => new RouteCard(name, place, this.#command));
      this.#list.replaceChildren(...this.#cards.map(({ element }) => element));
    }
    const tookMs = hasEnded ? summary.elapsedMs : undefined;
    for (const [place, route] of routes.entries())
      this.#cards[place]?.show(route, view.latenciesOf(route.name), tookMs);
  }
}

class RouteCard {
  readonly name: string;
  readonly element: HTMLElement;
  readonly #condition = create('span', 'condition');
  readonly #url = create('p', 'url');
  readonly #rate = create('strong', '');
  readonly #shareText = create('span', '');
  readonly #share = create('i', '');
  readonly #spark = document.createElementNS(SVG, 'path');
  readonly #under = document.createElementNS(SVG, 'path');
  readonly #latency = create('span', '');
  readonly #least = create('span', '');
  readonly #facts: FigureList;
  readonly #fault = create('p', 'fault');
  readonly #why = create('ul', '');
  readonly #whyBox: HTMLDetailsElement;
  readonly #prefer: HTMLButtonElement;
  readonly #exclude: HTMLButtonElement;
  #preference: Preference = 'normal';
  #reasons: readonly (readonly [string, string])[] = [];

  constructor(name: string, place: number, command: RouteCommandListener) {
    this.name = name;
    const title = create('h3', '', name);
    title.title = name;
    title.id = `route-${place}`;
    const letter = create('span', `letter weave-${place % PAINTS}`, letterOf(place));
    const turn = (preference: Preference): void =>
      command(name, this.#preference === preference ? 'normal' : preference);
    this.#prefer = createButton('Prefer', () => turn('prefer'));
    this.#exclude = createButton('Exclude', () => turn('exclude'));
    this.#prefer.setAttribute('aria-label', `Prefer ${name}`);
    this.#exclude.setAttribute('aria-label', `Exclude ${name}`);
    const facts = create('dl', 'facts');
    this.#facts = new FigureList(facts);
    const more = create('summary', '', 'More');
    more.ariaLabel = `More about ${name}`;
    this.#whyBox = create('details', 'why', more, this.#why);
    this.#whyBox.addEventListener('toggle', () => this.#listReasons());
    const share = create('div', 'share', this.#share);
    this.#share.className = `weave-${place % PAINTS}`;
    this.element = create(
      'li',
      'card panel',
      create('header', '', letter, title, this.#condition),
      this.#url,
      create('p', 'rate', this.#rate, this.#shareText),
      share,
      this.#sparkline(),
      create('p', 'latency', this.#latency, this.#least),
      facts,
      this.#fault,
      this.#whyBox,
      create('div', 'actions', this.#prefer, this.#exclude),
    );
    this.element.setAttribute('aria-labelledby', title.id);
    this.element.style.setProperty('--route', `var(--route-${place % PAINTS})`);
    this.element.style.setProperty('--on-route', `var(--ink-${place % PAINTS})`);
  }

  /** `tookMs`: how long the whole took, once it has ended. */
  show(route: RouteState, latencies: LatestValues, tookMs: number | undefined): void {
    this.#preference = route.preference;
    this.element.dataset['state'] = route.state;
    say(this.#condition, conditionOf(route));
    say(this.#url, route.url);
    this.#url.title = route.url;
    say(
      this.#rate,
      formatRate(tookMs === undefined ? route.bytesPerSecond : (1_000 * route.bytes) / Math.max(1, tookMs)),
    );
    say(this.#shareText, `${tookMs === undefined ? '' : 'on average · '}share ${formatShare(route.share)}`);
    this.#share.style.width = `${(100 * route.share).toFixed(1)}%`;
    this.#showLatency(route, latencies);
    const figures = this.#facts.show([
      ['brought', formatBytes(route.bytes)],
      ['hedges', formatCount(route.hedges)],
      ['corrupt', formatCount(route.corrupt)],
      ['asked for', formatBytes(route.outBytes)],
    ]);
    figures.get('corrupt')?.classList.toggle('wrong', route.corrupt > 0);
    const isFaulty = route.fault !== null && route.state !== 'active';
    say(this.#fault, isFaulty ? (route.fault?.message ?? '') : '');
    this.#fault.hidden = !isFaulty;
    this.#showWhy(route);
    this.#prefer.ariaPressed = String(route.preference === 'prefer');
    this.#exclude.ariaPressed = String(route.preference === 'exclude');
    for (const button of [this.#prefer, this.#exclude]) button.disabled = tookMs !== undefined;
  }

  #sparkline(): SVGSVGElement {
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('class', 'spark');
    svg.setAttribute('viewBox', `0 0 ${SPARK_VALUES} ${SPARK_HEIGHT}`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    const ground = document.createElementNS(SVG, 'line');
    for (const [name, value] of Object.entries({ x1: 0, x2: SPARK_VALUES, y1: SPARK_HEIGHT, y2: SPARK_HEIGHT })) {
      ground.setAttribute(name, String(value));
    }
    this.#under.setAttribute('class', 'under');
    this.#spark.setAttribute('class', 'line');
    svg.append(this.#under, ground, this.#spark);
    return svg;
  }

  #showLatency({ latencyMs, leastLatencyMs }: RouteState, latencies: LatestValues): void {
    const top = Math.max(LEAST_SCALE_MS, latencies.top * SCALE_ROOM);
    const { line, under } = sparkPaths(latencies.values, SPARK_VALUES, SPARK_HEIGHT, top);
    this.#spark.setAttribute('d', line);
    this.#under.setAttribute('d', under);
    say(this.#latency, latencyMs === null ? 'latency unknown' : `latency ${latencyMs.toFixed(0)} ms`);
    say(this.#least, leastLatencyMs === null ? '' : `least ${leastLatencyMs.toFixed(0)} ms`);
  }

  #showWhy({ ranking, sharesWith, maxBytesPerSecond, quotaLeftBytes, connections, hops }: RouteState): void {
    this.#reasons = [
      ['connections', formatCount(connections)],
      ...(hops === null ? [] : [['hops', formatCount(hops)] as const]),
      ['rank', `${ranking.score.toFixed(2)} points`],
      ...ranking.parts.filter(({ weight }) => weight > 0).map(reasonText),
      ...(sharesWith.length > 0 ? [['shares a bottleneck with', sharesWith.join(', ')] as const] : []),
      ...(maxBytesPerSecond === null ? [] : [['at most', formatRate(maxBytesPerSecond)] as const]),
      ...(quotaLeftBytes === null ? [] : [['quota left', formatBytes(quotaLeftBytes)] as const]),
    ];
    this.#listReasons();
  }

  /** Only what is looked at is written. */
  #listReasons(): void {
    if (!this.#whyBox.open) return;
    const items = this.#reasons.map(([name, value]) =>
      create('li', '', create('span', '', name), create('span', '', value)),
    );
    this.#why.replaceChildren(...items);
  }
}

function conditionOf({ state, role, preference, isSetAside, mirror }: RouteState): string {
  const notes = [
    STATE_SIGNS[state],
    ...(mirror ? ['mirror'] : []),
    ...(role === 'probing' ? ['on trial'] : []),
    ...(isSetAside ? ['set aside'] : []),
    ...(state === 'excluded' && preference === 'exclude' ? ['by you'] : []),
  ];
  return notes.join(' · ');
}

function reasonText({ part, value, points }: RankingReason): readonly [string, string] {
  const facts: Readonly<Record<RankingReason['part'], (fact: number) => string>> = {
    external: (fact) => fact.toFixed(2),
    throughput: formatRate,
    latency: (fact) => `${fact.toFixed(0)} ms`,
    hops: formatCount,
    distance: (fact) => `${formatCount(fact)} km`,
    cost: (fact) => `${fact} per GB`,
  };
  return [part, `${value === null ? 'unknown' : facts[part](value)} · ${points.toFixed(2)} points`];
}
