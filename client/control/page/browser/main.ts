// The page: takes the token from the URL, follows the transfers of this program, shows one of them, and sends what its
// buttons say. Events only change what is known; drawing happens at most once per frame, and only what changed.
import type { DetailEvent, OverviewEvent, Preference, SegmentRuns } from '../../messages.ts';
import { Connection } from './connection.ts';
import type { Liveness } from './connection.ts';
import { byId } from './elements.ts';
import { happeningOf, withHappening } from './happenings.ts';
import type { Happening } from './happenings.ts';
import { LivenessSign } from './liveness-sign.ts';
import { LogPanel } from './log-panel.ts';
import { PatternPanel } from './pattern-panel.ts';
import { RibbonPanel } from './ribbon-panel.ts';
import { RouteCards } from './route-cards.ts';
import { SummaryPanel } from './summary-panel.ts';
import { readTheme } from './theme.ts';
import { TransferList } from './transfer-list.ts';
import { TransferView } from './transfer-view.ts';
import { WindowPanel } from './window-panel.ts';

/** Where a tab keeps the token over a reload. */
const TOKEN_KEY = 'heddle-token';

start(takeToken());

/** The token from the fragment; it leaves the address bar, and outlives a reload of this tab only. */
function takeToken(): string {
  const said = new URLSearchParams(location.hash.slice(1)).get('token');
  if (said === null) return sessionStorage.getItem(TOKEN_KEY) ?? '';
  sessionStorage.setItem(TOKEN_KEY, said);
  history.replaceState(null, '', location.pathname + location.search);
  return said;
}

function start(token: string): void {
  let connection = new Connection(token);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const drawAll = (): void => {
    for (const part of ['summary', 'routes', 'pattern', 'cloth'] as const) view?.changed.add(part);
    draw();
  };
  let theme = readTheme(devicePixelRatio);
  let view: TransferView | undefined;
  let watching: { readonly id: string; readonly stop: AbortController } | undefined;
  let lines: readonly Happening[] = [];
  let isDrawing = false;

  const list = new TransferList((id) => watch(id));
  const summary = new SummaryPanel((verb) => command('POST', verb));
  const cards = new RouteCards((route, preference) => prefer(route, preference));
  const log = new LogPanel();
  const ribbon = new RibbonPanel(drawAll);
  const reorder = new WindowPanel(drawAll);
  const pattern = new PatternPanel(drawAll);
  const liveness = new LivenessSign((other) => {
    if (other !== undefined) {
      sessionStorage.setItem(TOKEN_KEY, other);
      connection = new Connection(other);
    }
    followAll();
  });

  function draw(): void {
    if (isDrawing) return;
    isDrawing = true;
    requestAnimationFrame(() => {
      isDrawing = false;
      show();
    });
  }

  function show(): void {
    list.show(watching?.id);
    log.show(lines);
    byId('transfer', HTMLElement).hidden = view === undefined;
    byId('nothing', HTMLElement).hidden = view !== undefined;
    if (view === undefined) return;
    const { changed } = view;
    if (changed.has('summary')) summary.show(view.snapshot);
    if (changed.has('routes') || changed.has('summary')) {
      const shown = view;
      cards.show(
        shown.routes,
        (route) => shown.latenciesOf(route),
        shown.hasEnded ? shown.summary.elapsedMs : undefined,
      );
    }
    if (changed.has('cloth') || changed.has('summary')) {
      ribbon.draw(view, theme);
      reorder.draw(view, theme);
    }
    if (changed.has('pattern')) pattern.draw(view, theme);
    changed.clear();
  }

  function note(happening: Happening | undefined): void {
    if (happening !== undefined) lines = withHappening(lines, happening);
  }

  function watch(id: string): void {
    if (watching?.id === id) return;
    watching?.stop.abort();
    const stop = new AbortController();
    watching = { id, stop };
    view = undefined;
    lines = [];
    const listener = {
      event: (event: DetailEvent) => takeDetail(event),
      liveness: (news: Liveness) => {
        byId('transfer', HTMLElement).classList.toggle('stale', news.type === 'lost');
        draw();
      },
      isOver: () => view?.hasEnded ?? false,
    };
    void connection.follow<DetailEvent>(`/v1/transfers/${encodeURIComponent(id)}/events`, listener, stop.signal);
    draw();
  }

  function takeDetail(event: DetailEvent): void {
    if (view === undefined || event.type === 'snapshot') {
      if (event.type !== 'snapshot') return;
      if (view === undefined) note(happeningOf(event, undefined));
      if (view === undefined) view = new TransferView(event.snapshot);
      else view.take(event);
    } else {
      const before = event.type === 'route' ? view.routes.find(({ name }) => name === event.route.name) : undefined;
      note(happeningOf(event, before));
      view.take(event);
    }
    if (!document.hidden) reorder.look(view, (path) => connection.ask<SegmentRuns>('GET', path));
    draw();
  }

  function takeOverview(event: OverviewEvent): void {
    list.take(event);
    const { transfers } = list;
    const shown = transfers.find(({ id }) => id === watching?.id);
    // what was chosen stays; at first, and when it is gone, the newest one that still runs is shown
    const next = transfers.find(({ state }) => state === 'running' || state === 'paused') ?? transfers[0];
    if (shown === undefined && next !== undefined) watch(next.id);
    draw();
  }

  function followAll(): void {
    const isOver = (): boolean =>
      list.transfers.length > 0 && list.transfers.every(({ state }) => state !== 'running' && state !== 'paused');
    const listener = { event: takeOverview, liveness: (news: Liveness) => liveness.show(news), isOver };
    void connection.follow<OverviewEvent>('/v1/events', listener, new AbortController().signal);
  }

  function command(method: 'POST' | 'PUT', path: string, body?: unknown): void {
    if (watching === undefined) return;
    connection.ask(method, `/v1/transfers/${encodeURIComponent(watching.id)}/${path}`, body).catch((error: unknown) => {
      note({ at: Date.now(), tone: 'bad', text: error instanceof Error ? error.message : String(error) });
      draw();
    });
  }

  function prefer(route: string, preference: Preference): void {
    command('PUT', `routes/${encodeURIComponent(route)}`, { preference });
  }

  dark.addEventListener('change', () => {
    theme = readTheme(devicePixelRatio);
    drawAll();
  });
  document.addEventListener('visibilitychange', drawAll);
  followAll();
}
