// The head of the page: which transfer it is, its state, how far it is, the buttons to pause, resume and cancel it, and its
// limits.
import type { Limits, Progress, TransferSnapshot } from '../../messages.ts';
import { byId, FigureList, say } from './elements.ts';
import { formatBytes, formatCount, formatRate, formatSeconds, formatShare } from './format.ts';
import { LimitsForm } from './limits-form.ts';

type Shown = Omit<TransferSnapshot, 'routes' | 'pattern' | 'segments'>;

export class SummaryPanel {
  readonly #key = byId('key', HTMLElement);
  readonly #state = byId('state', HTMLElement);
  readonly #where = byId('where', HTMLElement);
  readonly #fault = byId('fault', HTMLElement);
  readonly #progress = byId('progress', HTMLElement);
  readonly #pause = byId('pause', HTMLButtonElement);
  readonly #cancel = byId('cancel', HTMLButtonElement);
  readonly #confirm = byId('confirm', HTMLDialogElement);
  readonly #figures = new FigureList(byId('figures', HTMLElement));
  readonly #limits: LimitsForm;
  #isPaused = false;

  constructor(command: (verb: 'pause' | 'resume' | 'cancel') => void, limit: (limits: Limits) => void) {
    this.#limits = new LimitsForm(limit);
    this.#pause.addEventListener('click', () => command(this.#isPaused ? 'resume' : 'pause'));
    this.#cancel.addEventListener('click', () => {
      this.#confirm.returnValue = '';
      this.#confirm.showModal();
    });
    this.#confirm.addEventListener('close', () => {
      if (this.#confirm.returnValue === 'cancel') command('cancel');
    });
  }

  show(transfer: Shown): void {
    const { key, state, target, root, fault, progress } = transfer;
    const done = shareDone(transfer);
    say(this.#key, key);
    say(this.#state, state);
    this.#state.dataset['state'] = state;
    say(this.#where, [target === null ? '' : `to ${target}`, root ?? ''].filter((text) => text !== '').join(' · '));
    say(this.#fault, fault === null ? '' : `${fault.message} (${fault.code})`);
    this.#fault.hidden = fault === null;
    this.#progress.ariaValueNow = String(Math.floor(100 * done));
    this.#progress.ariaValueText = `${formatShare(done)} of ${progress.bytes === null ? 'an unknown size' : formatBytes(progress.bytes)}`;
    this.#isPaused = state === 'paused';
    say(this.#pause, this.#isPaused ? 'Resume' : 'Pause');
    const isOver = state !== 'running' && state !== 'paused';
    this.#pause.disabled = isOver;
    this.#cancel.disabled = isOver;
    if (isOver && this.#confirm.open) this.#confirm.close('');
    this.#figures.show(figuresOf(transfer, done));
    this.#limits.show(transfer.id, transfer.limits, isOver);
    document.title = `${isOver || this.#isPaused ? state : formatShare(done)} · ${key} · Heddle`;
  }
}

function shareDone({ progress, state }: Shown): number {
  if (state === 'done') return 1;
  const here = progress.receivedBytes + progress.resumedBytes;
  return progress.bytes === null || progress.bytes === 0 ? 0 : Math.min(1, here / progress.bytes);
}

function figuresOf(transfer: Shown, done: number): (readonly [string, string])[] {
  const { progress, elapsedMs, state, limits } = transfer;
  const { bytes, receivedBytes, resumedBytes } = progress;
  const seconds = elapsedMs / 1_000;
  const isRunning = state === 'running';
  const rate = isRunning ? progress.bytesPerSecond : receivedBytes / Math.max(0.001, seconds);
  return [
    ['done', formatShare(done)],
    [bytes === null ? 'here' : `of ${formatBytes(bytes)}`, formatBytes(receivedBytes + resumedBytes)],
    [isRunning ? 'now' : 'on average', formatRate(rate)],
    isRunning ? ['left', timeLeft(progress)] : ['took', formatSeconds(seconds)],
    ['in order', formatBytes(progress.inOrderBytes)],
    ['patterns', formatCount(progress.patterns)],
    ['hedges', formatCount(progress.hedges)],
    ['waste', formatBytes(progress.wasteBytes)],
    ['corrupt', formatCount(progress.corrupt)],
    ...(resumedBytes > 0 ? [['from before', formatBytes(resumedBytes)] as const] : []),
    ...(limits.maxBytesPerSecond === null ? [] : [['at most', formatRate(limits.maxBytesPerSecond)] as const]),
    ...(progress.cost > 0 || limits.costBudget !== null
      ? [['cost', costText(progress.cost, limits.costBudget)] as const]
      : []),
  ];
}

function timeLeft({ bytes, receivedBytes, resumedBytes, bytesPerSecond }: Progress): string {
  if (bytes === null || bytesPerSecond <= 0) return '–';
  return formatSeconds(Math.max(0, bytes - receivedBytes - resumedBytes) / bytesPerSecond);
}

function costText(cost: number, budget: number | null): string {
  const spent = cost.toFixed(cost < 1 ? 4 : 2);
  return budget === null ? spent : `${spent} of ${budget}`;
}
