// The sign at the top that says whether what the page shows is live, and what is done about it when it is not.
import type { Liveness } from './connection.ts';
import { byId, say } from './elements.ts';

const COUNTDOWN_MS = 500;
const UNAUTHORIZED = 401;

export class LivenessSign {
  readonly #box = byId('connection', HTMLElement);
  readonly #text = byId('connection-text', HTMLElement);
  readonly #form = byId('token-form', HTMLFormElement);
  readonly #token = byId('token', HTMLInputElement);
  readonly #again = byId('reconnect', HTMLButtonElement);
  #countdown: ReturnType<typeof setInterval> | undefined;

  /** `reconnect` is called when somebody asks for it, with another token when one was given. */
  constructor(reconnect: (token?: string) => void) {
    this.#again.addEventListener('click', () => {
      this.#again.hidden = true;
      reconnect();
    });
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#form.hidden = true;
      reconnect(this.#token.value.trim());
      this.#token.value = '';
    });
  }

  show(liveness: Liveness): void {
    clearInterval(this.#countdown);
    this.#box.dataset['liveness'] = liveness.type;
    const isUnknown = liveness.type === 'refused' && liveness.status === UNAUTHORIZED;
    this.#form.hidden = !isUnknown;
    this.#again.hidden = isUnknown || (liveness.type !== 'closed' && liveness.type !== 'refused');
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
      return liveness.status === UNAUTHORIZED
        ? 'not let in: open the page with the address that heddle printed, or give the token'
        : `refused (${liveness.status})`;
    case 'closed':
      return 'everything has ended, and heddle with it';
    default:
      liveness satisfies never;
      return '';
  }
}
