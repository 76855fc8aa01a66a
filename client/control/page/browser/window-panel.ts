// The reorder window in the page: asks for the segments from the in-order point on, one question at a time, while somebody
// looks, and draws what waits there for what.
import type { SegmentRuns } from '../../messages.ts';
import type { Theme } from './brush.ts';
import { CanvasSheet } from './canvas-sheet.ts';
import { byId, say } from './elements.ts';
import { formatBytes, formatCount } from './format.ts';
import { NOBODY, owners } from './pattern-rows.ts';
import type { TransferView } from './transfer-view.ts';
import { drawWindow, EARLIER, MISSING } from './window-picture.ts';

/** Segments that are looked at: more than the reorder window of the default size has. */
const MOST_SEGMENTS = 1_536;

export class WindowPanel {
  readonly #text = byId('window-text', HTMLElement);
  readonly #sheet: CanvasSheet;
  readonly #redraw: () => void;
  #asked: string | undefined;
  #runs: SegmentRuns | undefined;
  #runsOf: TransferView | undefined;

  /** `redraw` is called when it has to be drawn though nothing came. */
  constructor(redraw: () => void) {
    this.#redraw = redraw;
    this.#sheet = new CanvasSheet(byId('window-canvas', HTMLCanvasElement), redraw);
  }

  /** Looks again where the window is now, unless it is being asked for. */
  look(view: TransferView, ask: (path: string) => Promise<SegmentRuns>): void {
    const { first, count } = reach(view);
    const path = `/v1/transfers/${encodeURIComponent(view.summary.id)}/segments?first=${first}&count=${count}`;
    if (this.#asked !== undefined || count <= 0 || view.hasEnded) return;
    this.#asked = path;
    ask(path)
      .then((runs) => {
        this.#runs = runs;
        this.#runsOf = view;
        this.#redraw();
      })
      .catch(() => undefined)
      .finally(() => (this.#asked = undefined));
  }

  draw(view: TransferView, theme: Theme): void {
    const runs = this.#runsOf === view ? this.#runs : undefined;
    const start = runs?.first ?? reach(view).first;
    const here = placesOf(runs, view.places);
    // what was brought since the question was answered is known to be here
    const { first } = reach(view);
    const passed = Math.max(0, Math.min(here.length, first - start));
    const shown = here.subarray(Math.min(here.length, passed + leadingHere(here.subarray(passed))));
    const inOrder = start + here.length - shown.length;
    const owed = owners(view.pattern, view.places, inOrder, shown.length);
    drawWindow(this.#sheet.ready(), { inOrder, here: shown, owed }, theme, this.#sheet.size);
    say(this.#text, wordsOf(view, inOrder, shown, owed));
  }
}

/** The segments to ask for. */
function reach({ snapshot, cloth, summary }: TransferView): { first: number; count: number } {
  const { segmentBytes, reorderLimitBytes } = snapshot;
  const first = Math.max(cloth.first, Math.floor(summary.progress.inOrderBytes / Math.max(1, segmentBytes)));
  const window = Math.ceil(reorderLimitBytes / Math.max(1, segmentBytes));
  return { first, count: Math.max(0, Math.min(MOST_SEGMENTS, window, cloth.first + cloth.count - first)) };
}

function placesOf(runs: SegmentRuns | undefined, places: ReadonlyMap<string, number>): Int16Array {
  const here = new Int16Array(Math.min(MOST_SEGMENTS, runs?.count ?? 0)).fill(MISSING);
  let at = 0;
  for (const [route, length] of runs?.runs ?? []) {
    const place = route === null ? MISSING : (places.get(route) ?? EARLIER);
    here.fill(place, at, at + length);
    at += length;
  }
  return here;
}

function leadingHere(here: Int16Array): number {
  const missing = here.indexOf(MISSING);
  return missing < 0 ? here.length : missing;
}

function wordsOf(view: TransferView, inOrder: number, here: Int16Array, owed: Int16Array): string {
  if (view.hasEnded) return view.summary.state === 'done' ? 'everything is through' : 'it has ended';
  if (here.length === 0) return 'nothing waits';
  const waiting = here.reduce((sum, place) => sum + (place === MISSING ? 0 : 1), 0);
  const owner = view.routes[owed[0] ?? NOBODY]?.name;
  const missing = `segment ${formatCount(inOrder)} is next${owner === undefined ? '' : `, owed by ${owner}`}`;
  if (waiting === 0) return `${missing}; nothing waits behind it`;
  if (view.summary.output === 'any') return `${missing}; ${formatCount(waiting)} behind it are in the file`;
  return `${missing}; ${formatCount(waiting)} (${formatBytes(waiting * view.snapshot.segmentBytes)}) wait behind it`;
}
