// The page at work: follows the transfers of this program, shows one of them, and sends what its buttons say. Events only
// change what is known; drawing happens at most once per frame, and only what changed.
import type { DetailEvent, OverviewEvent, SegmentRuns } from '../../messages.ts';
import { Connection } from './connection.ts';
import type { Liveness } from './connection.ts';
import { byId } from './elements.ts';
import { happeningOf, withHappening } from './happenings.ts';
import type { Happening } from './happenings.ts';
import { LivenessSign } from './liveness-sign.ts';
import { LogPanel } from './log-panel.ts';
import { PatternPanel } from './pattern-panel.ts';
import { PlainPanel } from './plain-panel.ts';
import { RibbonPanel } from './ribbon-panel.ts';
import { RouteCards } from './route-cards.ts';
import { SummaryPanel } from './summary-panel.ts';
import { readTheme } from './theme.ts';
import { keepToken } from './token.ts';
import { TransferList } from './transfer-list.ts';
import { PARTS, TransferView } from './transfer-view.ts';
import { WindowPanel } from './window-panel.ts';

export class LivePage {
  readonly #transfer = byId('transfer', HTMLElement);
  readonly #nothing = byId('nothing', HTMLElement);
  readonly #list = new TransferList((id) => this.#choose(id));
  readonly #summary = new SummaryPanel(
    (verb) => this.#command('POST', verb),
    (limits) => this.#command('PUT', 'limits', limits),
  );
  readonly #cards = new RouteCards((route, preference) =>
    this.#command('PUT', `routes/${encodeURIComponent(route)}`, { preference }),
  );
  readonly #log = new LogPanel();
  readonly #plain = new PlainPanel();
  readonly #ribbon = new RibbonPanel(() => this.#drawAll());
  readonly #window = new WindowPanel(() => this.#drawAll());
  readonly #pattern = new PatternPanel(() => this.#drawAll());
  readonly #sign = new LivenessSign((token) => this.#again(token));
  #connection: Connection;
  #theme = readTheme(devicePixelRatio);
  #watching: { readonly id: string; readonly stop: AbortController } | undefined;
  #view: TransferView | undefined;
  #lines: readonly Happening[] = [];
  #isDrawing = false;
  /** Somebody chose what is shown; else the page goes on to what runs when it has ended. */
  #isChosen = false;

  constructor(token: string) {
    this.#connection = new Connection(token);
  }

  /** Begins to follow what happens, and never stops. */
  open(): void {
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#theme = readTheme(devicePixelRatio);
      this.#drawAll();
    });
    document.addEventListener('visibilitychange', () => this.#drawAll());
    this.#follow();
  }

  #follow(): void {
    const listener = {
      event: (event: OverviewEvent) => this.#takeOverview(event),
      liveness: (news: Liveness) => this.#sign.show(news),
      isOver: () => this.#list.transfers.length > 0 && !this.#list.transfers.some(({ state }) => isGoingOn(state)),
    };
    void this.#connection.follow<OverviewEvent>('/v1/events', listener, new AbortController().signal);
  }

  /** Everything anew, with another token when one is given. */
  #again(token: string | undefined): void {
    if (token !== undefined) {
      keepToken(token);
      this.#connection = new Connection(token);
    }
    this.#unwatch();
    this.#follow();
  }

  #takeOverview(event: OverviewEvent): void {
    this.#list.take(event);
    this.#plain.take(event);
    const { transfers } = this.#list;
    const shown = transfers.find(({ id }) => id === this.#watching?.id);
    if (shown === undefined) {
      const next = transfers.find(({ state }) => isGoingOn(state)) ?? transfers[0];
      if (next === undefined) this.#unwatch();
      else this.#watch(next.id);
    } else if (event.type === 'progress' && !isGoingOn(shown.state) && !this.#isChosen) {
      // one that has made progress lasts long enough to be looked at; a crowd of small objects does not flicker by
      this.#watch(event.transfer);
    }
    this.#draw();
  }

  #choose(id: string): void {
    this.#watch(id);
    this.#isChosen = true;
  }

  #watch(id: string): void {
    if (this.#watching?.id === id) return;
    this.#unwatch();
    const stop = new AbortController();
    this.#watching = { id, stop };
    const listener = {
      event: (event: DetailEvent) => this.#takeDetail(event),
      liveness: ({ type }: Liveness) => void this.#transfer.classList.toggle('stale', type === 'lost'),
      isOver: () => this.#view?.hasEnded ?? false,
    };
    const path = `/v1/transfers/${encodeURIComponent(id)}/events`;
    void this.#connection.follow<DetailEvent>(path, listener, stop.signal);
    this.#draw();
  }

  #unwatch(): void {
    this.#watching?.stop.abort();
    this.#watching = undefined;
    this.#view = undefined;
    this.#isChosen = false;
    this.#lines = [];
  }

  #takeDetail(event: DetailEvent): void {
    const before =
      event.type === 'route' ? this.#view?.routes.find(({ name }) => name === event.route.name) : undefined;
    const isFirst = this.#view === undefined;
    if (event.type !== 'snapshot') this.#view?.take(event);
    else if (this.#view === undefined) this.#view = new TransferView(event.snapshot);
    else this.#view.take(event);
    // a snapshot that only says everything again is no news
    if (this.#view !== undefined && (isFirst || event.type !== 'snapshot')) this.#note(happeningOf(event, before));
    if (this.#view !== undefined && !document.hidden && (isFirst || event.type === 'progress')) {
      this.#window.look(this.#view, (path) => this.#connection.ask<SegmentRuns>('GET', path));
    }
    this.#draw();
  }

  #note(happening: Happening | undefined): void {
    if (happening !== undefined) this.#lines = withHappening(this.#lines, happening);
  }

  #command(method: 'POST' | 'PUT', path: string, body?: unknown): void {
    if (this.#watching === undefined) return;
    const whole = `/v1/transfers/${encodeURIComponent(this.#watching.id)}/${path}`;
    this.#connection.ask(method, whole, body).catch((error: unknown) => {
      this.#note({ at: Date.now(), tone: 'bad', text: error instanceof Error ? error.message : String(error) });
      this.#draw();
    });
  }

  #drawAll(): void {
    for (const part of PARTS) this.#view?.changed.add(part);
    this.#draw();
  }

  #draw(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      this.#show();
    });
  }

  #show(): void {
    this.#list.show(this.#watching?.id);
    this.#log.show(this.#lines);
    this.#plain.show();
    const view = this.#view;
    this.#transfer.hidden = view === undefined;
    this.#nothing.hidden = view !== undefined;
    if (view === undefined) return;
    const { changed } = view;
    if (changed.has('summary')) this.#summary.show(view.snapshot);
    if (changed.has('routes') || changed.has('summary')) this.#cards.show(view);
    if (changed.has('cloth') || changed.has('summary')) {
      this.#ribbon.draw(view, this.#theme);
      this.#window.draw(view, this.#theme);
    }
    if (changed.has('pattern')) this.#pattern.draw(view, this.#theme);
    changed.clear();
  }
}

function isGoingOn(state: string): boolean {
  return state === 'running' || state === 'paused';
}
