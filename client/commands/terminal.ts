// What commands say to people: one line per error, sizes and rates in readable units, colours only on a terminal that
// wants them. Progress and errors go to standard error; standard output belongs to the data.
import { styleText } from 'node:util';
import type { HeddleError } from '../../protocol/errors.ts';

type Style = Parameters<typeof styleText>[0];

/** `text` in `style`, if standard error shows colours (NO_COLOR, no terminal: as it is). */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stderr });
}

/** One line for an error, with its code. */
export function complain(error: HeddleError): void {
  process.stderr.write(`heddle: ${error.message.replaceAll(/\s+/g, ' ')} (${error.code})\n`);
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
