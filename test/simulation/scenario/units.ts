// The units in which stories give their quantities, and what each counts.

export const TIME: Readonly<Record<string, number>> = Object.freeze({ ms: 1, s: 1_000 });
export const FRACTION: Readonly<Record<string, number>> = Object.freeze({ '%': 0.01 });
/** Mbit/s */
export const RATE: Readonly<Record<string, number>> = Object.freeze({ 'Mbit/s': 1, 'Gbit/s': 1_000, 'kbit/s': 0.001 });
/** Bytes. */
export const SIZE: Readonly<Record<string, number>> = Object.freeze({
  B: 1,
  kB: 1e3,
  KiB: 1_024,
  MB: 1e6,
  MiB: 1_048_576,
  GB: 1e9,
});
export const DISTANCE: Readonly<Record<string, number>> = Object.freeze({ km: 1 });
