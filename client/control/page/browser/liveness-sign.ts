// The sign at the top that says whether what the page shows is live, and what is done about it when it is not.
import type { Liveness } from './connection.ts';
import { byId, say } from './elements.ts';

const COUNTDOWN_MS = 500;

export class LivenessSign {
  readonly #box = byId('connection', HTMLElement);
  readonly #text = byId('connection-text', HTMLElement);
  readonly #again = byId('reconnect', HTMLButtonElement);
  #countdown: ReturnType<typeof setInterval> | undefined;

  /** `reconnect` is called when somebody asks for it. */
  constructor(reconnect: () => void) {
    this.#again.addEventListener('click', () => {
      this.#again.hidden = true;
      reconnect();
    });
  }

  show(liveness: Liveness): void {
    clearInterval(this.#countdown);
    this.#box.dataset['liveness'] = liveness.type;
    this.#again.hidden = liveness.type !== 'closed' && liveness.type !== 'refused';
    const write = (): void => say(this.#text, wordsOf(liveness));
    write();
    if (liveness.type === 'lost') this.#countdown = setInterval(write, COUNTDOWN_MS);
  }
}

function wordsOf(liveness: Liveness): string {
  switch (liveness.type) {
    case 'connecting':
      return 'connecting';
    case 'live':
      return 'live';
    case 'lost': {
      const seconds = Math.max(0, Math.ceil((liveness.retryAt - performance.now()) / 1_000));
      return `connection lost, what you see has stopped; trying again${seconds > 0 ? ` in ${seconds} s` : ''}`;
    }
    case 'refused':
      return liveness.status === 401
        ? 'not let in: open the page with the address that heddle printed'
        : `refused (${liveness.status})`;
    case 'closed':
      return 'everything has ended, and heddle with it';
    default:
      liveness satisfies never;
      return '';
  }
}
