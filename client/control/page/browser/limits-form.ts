// The limits of the transfer as a whole, to see and to set: a rate and a budget. What is being typed is never overwritten;
// an empty field is no limit.
import type { Limits } from '../../messages.ts';
import { byId, say } from './elements.ts';
import { formatRate } from './format.ts';

const BYTES_PER_MEGABIT = 125_000;

export class LimitsForm {
  readonly #form = byId('limits-form', HTMLFormElement);
  readonly #fields = byId('limits-fields', HTMLFieldSetElement);
  readonly #now = byId('limits-now', HTMLElement);
  readonly #rate = byId('limit-rate', HTMLInputElement);
  readonly #cost = byId('limit-cost', HTMLInputElement);
  /** What the fields were last filled with. */
  #filled = '';

  constructor(set: (limits: Limits) => void) {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const [megabits, costBudget] = [numberIn(this.#rate), numberIn(this.#cost)];
      set({ maxBytesPerSecond: megabits === null ? null : Math.round(megabits * BYTES_PER_MEGABIT), costBudget });
    });
    byId('limits-none', HTMLButtonElement).addEventListener('click', () => {
      this.#rate.value = '';
      this.#cost.value = '';
      set({ maxBytesPerSecond: null, costBudget: null });
    });
  }

  show(transfer: string, limits: Limits, isOver: boolean): void {
    const { maxBytesPerSecond, costBudget } = limits;
    const parts = [
      ...(maxBytesPerSecond === null ? [] : [`at most ${formatRate(maxBytesPerSecond)}`]),
      ...(costBudget === null ? [] : [`budget ${costBudget}`]),
    ];
    say(this.#now, parts.length === 0 ? 'none' : parts.join(', '));
    this.#fields.disabled = isOver;
    const filling = JSON.stringify([transfer, limits]);
    if (filling === this.#filled || this.#form.contains(document.activeElement)) return;
    this.#filled = filling;
    this.#rate.value = maxBytesPerSecond === null ? '' : String(maxBytesPerSecond / BYTES_PER_MEGABIT);
    this.#cost.value = costBudget === null ? '' : String(costBudget);
  }
}

function numberIn(input: HTMLInputElement): number | null {
  return input.value === '' ? null : input.valueAsNumber;
}
