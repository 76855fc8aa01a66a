// The words of one line of a story, read from left to right; a line that does not fit is an error that names it.

/** Reads a line. */
export class Words {
  readonly #line: string;
  readonly #place: string;
  readonly #words: string[];

  constructor(line: string, place: string) {
    this.#line = line;
    this.#place = place;
    this.#words = line.split(/\s+/).filter((word) => word !== '');
  }

  get isOver(): boolean {
    return this.#words.length === 0;
  }

  word(what: string): string {
    const word = this.#words.shift();
    if (word === undefined) throw this.fault(`${what} is missing`);
    return word;
  }

  /** Takes `word` if it comes next. */
  has(word: string): boolean {
    if (this.#words[0] !== word) return false;
    this.#words.shift();
    return true;
  }

  number(what: string): number {
    const word = this.word(what);
    const number = Number(word);
    if (!Number.isFinite(number)) throw this.fault(`${what} is a number, not "${word}"`);
    return number;
  }

  /** A number with one of the units; in the unit that counts 1. */
  quantity(what: string, units: Readonly<Record<string, number>>): number {
    const number = this.number(what);
    const unit = this.word(`the unit of ${what}`);
    const factor = units[unit];
    if (factor === undefined) throw this.fault(`${what} is given in ${Object.keys(units).join(' or ')}, not ${unit}`);
    return number * factor;
  }

  oneOf<T extends string>(what: string, choices: readonly T[]): T {
    return this.oneOfThese(what, this.word(what), choices);
  }

  /** `word` if it is one of `choices`. */
  oneOfThese<T extends string>(what: string, word: string, choices: readonly T[]): T {
    const choice = choices.find((known) => known === word);
    if (choice === undefined) throw this.fault(`${what} is one of ${choices.join(', ')}, not "${word}"`);
    return choice;
  }

  /** All words that are left, as one. */
  rest(): string {
    return this.#words.splice(0).join(' ');
  }

  end(): void {
    if (!this.isOver) throw this.fault(`"${this.#words.join(' ')}" is too much`);
  }

  fault(text: string): Error {
    return new Error(`${this.#place}: ${text}: ${this.#line.trim()}`);
  }
}
