// Where the demo is seen: on a terminal a picture that is redrawn in place, with what happens told above it; elsewhere a
// plain line now and then. Standard output only. Knows nothing of what it shows.
import { LiveBlock } from '../commands/terminal.ts';

/** A moment to show: all of it, or one line. */
export type Moment = { readonly lines: () => readonly string[]; readonly line: () => string };

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 1_000;

/** A screen on `stream`. */
export class Screen {
  readonly #stream: NodeJS.WriteStream;
  readonly #block: LiveBlock | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#block = stream.isTTY ? new LiveBlock(stream) : undefined;
  }

  /** A line that stays. */
  say(line = ''): void {
    if (this.#block === undefined) this.#stream.write(`${line}\n`);
    else this.#block.say(line);
  }

  /** Shows what `look` sees until disposed; undefined while there is nothing. The last picture stays on a terminal. */
  follow(look: () => Moment | undefined): Disposable {
    const show = (): void => {
      const moment = look();
      if (moment === undefined) return;
      if (this.#block === undefined) this.#stream.write(`${moment.line()}\n`);
      else this.#block.draw(moment.lines());
    };
    const timer = setInterval(show, this.#block === undefined ? PLAIN_LINE_MS : REDRAW_MS);
    return {
      [Symbol.dispose]: () => {
        clearInterval(timer);
        show();
        this.#block?.leave();
      },
    };
  }
}
