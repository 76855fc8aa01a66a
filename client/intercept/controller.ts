// What an undici handler pauses and aborts its request with. Keeps the state that handlers look at; what a pause or an
// abort does is told to whoever made it.
import { errors } from 'undici';
import type { Dispatcher } from 'undici';

/** Told when the application steers. */
export type Steered = { aborted(reason: Error): void; paused(): void; resumed(): void };

/** The controller of one intercepted request. */
export class RequestController implements Dispatcher.DispatchController {
  rawHeaders: Buffer[] | null = null;
  rawTrailers: Buffer[] | null = null;
  /** A transfer over the routes brings at least part of the answer. Known with the answer's head. */
  isSplit = false;
  readonly #steered: Steered;
  #paused = false;
  #reason: Error | null = null;

  constructor(steered: Steered) {
    this.#steered = steered;
  }

  get aborted(): boolean {
    return this.#reason !== null;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get reason(): Error | null {
    return this.#reason;
  }

  abort(reason?: Error): void {
    if (this.aborted) return;
    // an abort without a reason is undici's own
    this.#reason = reason ?? new errors.RequestAbortedError();
    this.#steered.aborted(this.#reason);
  }

  pause(): void {
    this.#paused = true;
    this.#steered.paused();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#steered.resumed();
  }
}
