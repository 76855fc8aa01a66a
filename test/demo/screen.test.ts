// What is left on a terminal, by a small terminal of our own: a block redrawn in place, lines told above it, lines too
// long or too many for it; and plain lines where there is none.
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { Screen } from '../../client/demo/screen.ts';

test('on a terminal the block stays below what is told, and what it showed before is gone', () => {
  const terminal = new Terminal(40, 10);
  const screen = new Screen(terminal.stream);
  screen.say('heading');
  let lines = ['one', 'two', 'three'];
  {
    using _following = screen.follow(() => ({ lines: () => lines, line: () => 'plain' }));
  }
  screen.say('between');
  lines = ['1'];
  {
    using _following = screen.follow(() => ({ lines: () => lines, line: () => 'plain' }));
  }
  expect(terminal.rows).toEqual(['heading', 'one', 'two', 'three', 'between', '1', '']);
});

test('redrawing replaces the picture, however many lines it had, and telling goes above it', async () => {
  const terminal = new Terminal(40, 10);
  const screen = new Screen(terminal.stream);
  const pictures = [['a', 'b', 'c'], ['longer'], ['x', 'y']];
  const shown = Promise.withResolvers<void>();
  {
    using _following = screen.follow(() => {
      const lines = pictures.length > 1 ? (pictures.shift() ?? []) : (pictures[0] ?? []);
      if (lines[0] === 'longer') screen.say('told');
      if (lines[0] === 'x') shown.resolve();
      return { lines: () => lines, line: () => 'plain' };
    });
    await shown.promise;
  }
  expect(terminal.rows).toEqual(['told', 'x', 'y', '']);
});

test('lines are cut to the terminal without cutting colours, and no more are drawn than it has', () => {
  const terminal = new Terminal(6, 3);
  const screen = new Screen(terminal.stream);
  const coloured = '\u001b[31mabcdefgh\u001b[39m';
  {
    using _following = screen.follow(() => ({ lines: () => [coloured, '2', '3', '4'], line: () => '' }));
  }
  expect(terminal.text).toContain('\u001b[31mabcde\u001b[39m');
  expect(terminal.rows).toEqual(['abcde', '2', '']);
});

test('without a terminal there are plain lines, the last of them at the end, and no control characters', () => {
  const terminal = new Terminal(80, 24, false);
  const screen = new Screen(terminal.stream);
  screen.say('heading');
  let line: string | undefined;
  {
    using _following = screen.follow(() =>
      line === undefined ? undefined : { lines: () => [], line: () => line ?? '' },
    );
    line = 'half';
  }
  screen.say();
  expect(terminal.text).toBe('heading\nhalf\n\n');
});

/** Understands what a redrawn block needs: new lines, cursor up, carriage return, erase to the end of line or screen. */
class Terminal {
  readonly stream: NodeJS.WriteStream;
  readonly rows: string[] = [''];
  text = '';
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number, isTTY = true) {
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.#take(chunk.toString());
        done();
      },
    });
    this.stream = Object.assign(stream, { isTTY, columns, rows }) as unknown as NodeJS.WriteStream;
  }

  #take(text: string): void {
    this.text += text;
    for (const [part] of text.matchAll(/\u001b\[[0-9;]*[A-Za-z]|[^\u001b]/gu)) {
      if (part === '\n') this.#moveTo(this.#row + 1, 0);
      else if (part === '\r') this.#column = 0;
      else if (part.endsWith('A') && part.length > 1) this.#row -= Number(part.slice(2, -1));
      else if (part === '\u001b[K') this.#put(this.#line.slice(0, this.#column));
      else if (part === '\u001b[J') {
        this.#put(this.#line.slice(0, this.#column));
        this.rows.length = this.#row + 1;
      } else if (!part.startsWith('\u001b')) {
        this.#put(this.#line.slice(0, this.#column) + part + this.#line.slice(this.#column + 1));
        this.#column += 1;
      }
    }
  }

  get #line(): string {
    return this.rows[this.#row] ?? '';
  }

  #put(line: string): void {
    this.rows[this.#row] = line;
  }

  #moveTo(row: number, column: number): void {
    this.#row = row;
    this.#column = column;
    this.rows[row] ??= '';
  }
}
