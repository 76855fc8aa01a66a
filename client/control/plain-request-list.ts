// The requests of a proxy that no transfer brings: those that run and the last that ended. Kept for whoever watches; what a
// transfer brings is in the list of transfers.
import { asHeddleError } from '../../protocol/errors.ts';
import type { RequestRegister, StartedRequest } from '../plain-requests.ts';
import type { Fault } from './messages.ts';
import { MOST_REQUESTS_TOLD } from './plain-request.ts';
import type { PlainRequest } from './plain-request.ts';

/** Requests kept, those that run included: beyond it the oldest are no longer told of. */
const MOST_KEPT = 256;

/** A list of plain requests. */
export class PlainRequestList implements RequestRegister {
  /** Oldest first. */
  readonly #requests = new Map<number, () => PlainRequest | undefined>();
  #begun = 0;

  /** A request begins: called by the proxy. */
  add(started: StartedRequest): (error?: Error) => void {
    this.#begun += 1;
    const number = this.#begun;
    const about = { id: String(number), type: started.type, method: started.method, target: started.target };
    const [startedAt, begunAt] = [Date.now(), performance.now()];
    const look = (state: PlainRequest['state'], fault: Fault | null): PlainRequest | undefined => {
      const { status = null, receivedBytes, sentBytes = null, isSplit } = started.look();
      const elapsedMs = Math.round(performance.now() - begunAt);
      return isSplit ? undefined : { ...about, state, fault, status, receivedBytes, sentBytes, startedAt, elapsedMs };
    };
    this.#requests.set(number, () => look('running', null));
    this.#forget();
    return (error) => {
      if (!this.#requests.has(number)) return;
      const last = look(error === undefined ? 'done' : 'failed', error === undefined ? null : faultOf(error));
      if (last === undefined) this.#requests.delete(number);
      else this.#requests.set(number, () => last);
    };
  }

  /** The newest first, at most MOST_REQUESTS_TOLD. */
  list(): PlainRequest[] {
    const all = [...this.#requests.values()].toReversed().flatMap((look) => look() ?? []);
    return all.slice(0, MOST_REQUESTS_TOLD);
  }

  #forget(): void {
    const [oldest] = this.#requests.keys();
    if (this.#requests.size > MOST_KEPT && oldest !== undefined) this.#requests.delete(oldest);
  }
}

/** What is no error of Heddle's own is a connection that broke, or never came about. */
function faultOf(error: Error): Fault {
  const { code, message } = asHeddleError(error, 'connection-lost');
  return { code, message };
}
