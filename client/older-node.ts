// What Node 22 lacks of the language that the sources are written in. The entries of the package import this before
// anything else; where the runtime has it, nothing happens. Owns no behaviour of Heddle's own.

/** AsyncDisposableStack as ECMAScript 2026 describes it; several errors are a chain from the last to the first. */
class DisposingStack implements AsyncDisposableStack {
  readonly [Symbol.toStringTag]: string = 'AsyncDisposableStack';
  #steps: (() => unknown)[] = [];
  #disposed = false;

  get disposed(): boolean {
    return this.#disposed;
  }

  use<Value extends AsyncDisposable | Disposable | null | undefined>(value: Value): Value {
    this.#mustBeOpen();
    if (value === null || value === undefined) return value;
    const dispose =
      (value as Partial<AsyncDisposable>)[Symbol.asyncDispose] ?? (value as Partial<Disposable>)[Symbol.dispose];
    if (typeof dispose !== 'function') throw new TypeError('the value cannot be disposed of');
    this.#steps.push(() => dispose.call(value));
    return value;
  }

  adopt<Value>(value: Value, onDispose: (value: Value) => PromiseLike<void> | void): Value {
    this.#mustBeOpen();
    this.#steps.push(() => onDispose(value));
    return value;
  }

  defer(onDispose: () => PromiseLike<void> | void): void {
    this.#mustBeOpen();
    this.#steps.push(onDispose);
  }

  move(): AsyncDisposableStack {
    this.#mustBeOpen();
    const moved = new DisposingStack();
    moved.#steps = this.#steps;
    this.#steps = [];
    this.#disposed = true;
    return moved;
  }

  async disposeAsync(): Promise<void> {
    this.#disposed = true;
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 0) return;
    throw failures.reduce((suppressed, error) => Object.assign(new Error('disposing failed'), { error, suppressed }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disposeAsync();
  }

  #mustBeOpen(): void {
    if (this.#disposed) throw new ReferenceError('the stack is disposed of already');
  }
}

// as the standard defines it: found by name, and no part of what is enumerated
if (globalThis.AsyncDisposableStack === undefined) {
  const property = { value: DisposingStack, writable: true, configurable: true, enumerable: false };
  Object.defineProperty(globalThis, 'AsyncDisposableStack', property);
}
