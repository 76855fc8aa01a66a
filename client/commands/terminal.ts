// What commands say to people: one line per error, sizes and rates in readable units, colours only on a terminal that
// wants them, lines redrawn in place. Progress and errors go to standard error; standard output belongs to the data.
import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import { asHeddleError, exitCodeOf } from '../../protocol/errors.ts';
import type { HeddleError } from '../../protocol/errors.ts';

type Style = Parameters<typeof styleText>[0];

/** `text` in `style`, if standard error shows colours (NO_COLOR, no terminal: as it is). */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stderr });
}

/** One line for an error, with its code. */
export function complain(error: Pick<HeddleError, 'code' | 'message'>): void {
  tell(`heddle: ${error.message.replaceAll(/\s+/g, ' ')} (${error.code})\n`);
}

/** Says it on standard error, whether anybody reads that or not. */
export function tell(text: string): void {
  if (process.stderr.listenerCount('error') === 0) outlive(process.stderr);
  process.stderr.write(text);
}

/** Says why a command ended, and gives its exit code. */
export function failed(error: unknown): number {
  const known = asHeddleError(error);
  complain(known);
  return exitCodeOf(known.code);
}

/** What is said to a reader that is gone is lost, and no reason to end; data on its way to one is the sink's business. */
export function outliveReaders(): void {
  outlive(process.stdout);
  outlive(process.stderr);
}

function outlive(stream: NodeJS.WriteStream): void {
  stream.on('error', () => {});
}

/** The last line of --json when it ends in an error. */
export function errorLine({ code, message }: HeddleError): Record<string, unknown> {
  return { type: 'error', code, message };
}

/** 1234567 → "1.2 MB". Decimal units, as rates are. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/** Bytes per second as Mbit/s, the unit links are sold in. */
export function formatRate(bytesPerSecond: number): string {
  const megabits = (bytesPerSecond * 8) / 1e6;
  return `${megabits >= 100 ? megabits.toFixed(0) : megabits.toFixed(1)} Mbit/s`;
}

/** A bar of `width` cells, `fraction` of it full. */
export function bar(fraction: number, width: number): string {
  const full = Math.round(Math.max(0, Math.min(1, fraction)) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/** Lines at the end of a terminal that are redrawn in place, with others told above them. */
export class LiveBlock {
  readonly #stream: WriteStream;
  #lines: readonly string[] = [];

  constructor(stream: WriteStream) {
    this.#stream = stream;
  }

  /** Shows `lines` instead of those shown before; what does not fit the terminal is cut off. */
  draw(lines: readonly string[]): void {
    const { columns, rows } = this.#stream;
    const fitting = lines.slice(0, Math.max(1, rows - 1)).map((line) => clip(line, columns));
    this.#stream.write(this.#above() + fitting.map((line) => `${line}\u001b[K\n`).join('') + '\u001b[J');
    this.#lines = fitting;
  }

  /** A line that stays, above the block. */
  say(line: string): void {
    const block = this.#lines.map((shown) => `${shown}\n`).join('');
    this.#stream.write(`${this.#above()}\u001b[J${line}\n${block}`);
  }

  /** The block stays as it is; the next one begins below it. */
  leave(): void {
    this.#lines = [];
  }

  #above(): string {
    return this.#lines.length === 0 ? '' : `\u001b[${this.#lines.length}A\r`;
  }
}

/** Cuts a line to `width` cells, less one that no terminal wraps; colour codes take none. */
function clip(line: string, width: number): string {
  let visible = 0;
  let out = '';
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith('\u001b')) out += part;
    else {
      out += part.slice(0, Math.max(0, width - 1 - visible));
      visible += part.length;
    }
  }
  return out;
}
