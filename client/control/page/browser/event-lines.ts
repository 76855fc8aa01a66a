// Server-sent events out of pieces of text, as the HTML standard reads them: only `data` counts here, for it says everything.
// Whatever is sent, no more than MOST_PENDING characters wait for their end.

/** Characters of one event that are kept; a snapshot of a thousand cells and many routes has some hundred thousand. */
const MOST_PENDING = 8_388_608;

export class EventLines {
  #pending = '';
  #data: string[] = [];

  /** The data of the events that are whole with `text`. Throws when one is too long. */
  push(text: string): string[] {
    const whole: string[] = [];
    const lines = (this.#pending + text).split(/\r\n|\n|\r(?!$)/);
    this.#pending = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (this.#data.length > 0) whole.push(this.#data.join('\n'));
        this.#data = [];
      } else if (line.startsWith('data:')) this.#data.push(line.slice(line[5] === ' ' ? 6 : 5));
    }
    const kept = this.#data.reduce((sum, line) => sum + line.length, this.#pending.length);
    if (kept > MOST_PENDING) throw new Error('an event is longer than the page takes');
    return whole;
  }
}
