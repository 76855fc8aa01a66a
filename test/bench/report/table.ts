// A table as text that reads well on a terminal and is valid Markdown: numbers to the right, words to the left. Pure.

/** A cell: words, a number already formatted, or nothing known. */
export type Cell = string | undefined;

/** One column. */
export type Column = { readonly title: string; readonly align: 'left' | 'right' };

const NOTHING = '–';

/** Lines of the table, heads first. Rows may be shorter than the heads. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string[] {
  const texts = rows.map((row) => columns.map((_, index) => escape(row[index] ?? NOTHING)));
  const titles = columns.map(({ title }) => escape(title));
  const widths = titles.map((title, index) =>
    Math.max(3, width(title), ...texts.map((row) => width(row[index] ?? ''))),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.align)).join(' | ')} |`;
  const rule = columns.map(({ align }, index) => {
    const dashes = '-'.repeat((widths[index] ?? 3) - 1);
    return align === 'right' ? `${dashes}:` : `-${dashes}`;
  });
  return [line(titles), line(rule), ...texts.map(line)];
}

/** A number with `digits` decimals; nothing for nothing. */
export function decimal(value: number | undefined, digits: number): Cell {
  return value === undefined || !Number.isFinite(value) ? undefined : value.toFixed(digits);
}

/** A fraction as per cent. */
export function percent(value: number | undefined, digits = 1): Cell {
  return value === undefined || !Number.isFinite(value) ? undefined : `${(100 * value).toFixed(digits)} %`;
}

/** "×1.23", for ratios. */
export function times(value: number | undefined): Cell {
  return value === undefined || !Number.isFinite(value) ? undefined : `×${value.toFixed(2)}`;
}

function escape(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function pad(text: string, size: number, align: Column['align'] | undefined): string {
  const space = ' '.repeat(Math.max(0, size - width(text)));
  return align === 'right' ? space + text : text + space;
}

/** Columns on a terminal: every code point takes one here. */
function width(text: string): number {
  return Array.from(text).length;
}
