// What has to be undone however the program ends: by itself, by an error, or by a signal. Every undo is synchronous, so
// that it also works while the process exits. Owns no resource itself.
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Hands out scopes and undoes those still open at the end. Invariant: what a scope holds is undone exactly once. */
export class Teardown implements Disposable {
  readonly #open = new Set<DisposableStack>();

  constructor() {
    process.once('exit', () => this[Symbol.dispose]());
    for (const [signal, code] of Object.entries(SIGNALS)) process.once(signal, () => process.exit(code));
  }

  /** A new scope; dispose it, or leave it to the end. */
  scope(): DisposableStack {
    const scope = new DisposableStack();
    this.#open.add(scope);
    scope.defer(() => this.#open.delete(scope));
    return scope;
  }

  /** Undoes all, the youngest scope first. */
  [Symbol.dispose](): void {
    for (const scope of [...this.#open].toReversed()) {
      try {
        scope.dispose();
      } catch (error) {
        process.stderr.write(`bench: could not clean up: ${String(error)}\n`);
      }
    }
  }
}
