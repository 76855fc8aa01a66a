// Sizes and counts as people say them. Pure.
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** "1 GB". */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // what would be rounded up to a thousand is one of the next
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${Number(value.toFixed(1))} ${UNITS[unit]}`;
}

/** "1,000,000". */
export function countText(count: number): string {
  return count.toLocaleString('en-US');
}
