// Numbers as people read them: bytes, rates, times, shares. Text only; knows no element of the page.

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const UNIT = 1_000;
const MINUTE_SECONDS = 60;
const HOUR_SECONDS = 3_600;
/** Below this a number is shown with one decimal. */
const ONE_DECIMAL = 100;

/** `1536000` as "1.5 MB". */
export function formatBytes(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= UNIT && unit < UNITS.length - 1) {
    value /= UNIT;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(value < ONE_DECIMAL ? 1 : 0)} ${UNITS[unit]}`;
}

/** Bytes per second as "12.3 Mbit/s". */
export function formatRate(bytesPerSecond: number): string {
  const megabits = (Math.max(0, bytesPerSecond) * 8) / 1e6;
  if (megabits >= 1_000) return `${(megabits / 1_000).toFixed(2)} Gbit/s`;
  return `${megabits.toFixed(megabits < ONE_DECIMAL ? 1 : 0)} Mbit/s`;
}

/** Seconds as "4.2 s", "3 min 05 s" or "2 h 07 min". */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < MINUTE_SECONDS) return `${whole} s`;
  const minutes = Math.floor(whole / MINUTE_SECONDS);
  if (whole < HOUR_SECONDS) return `${minutes} min ${two(whole % MINUTE_SECONDS)} s`;
  return `${Math.floor(whole / HOUR_SECONDS)} h ${two(minutes % MINUTE_SECONDS)} min`;
}

/** A fraction as "42 %"; a trace of something is not nothing. */
export function formatShare(fraction: number): string {
  if (fraction > 0 && fraction < 0.01) return '< 1 %';
  return `${Math.round(100 * fraction)} %`;
}

/** "1,024". */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
