// Seeds whose runs went wrong once, each with what it found. They are run again by `npm run chaos -- --replay`.

export const FOUND_SEEDS: readonly { readonly seed: number; readonly found: string }[] = [
  { seed: 110, found: 'a state folder that cannot be written to failed a transfer that was done' },
  { seed: 114, found: 'a download that could not begin left its lock behind' },
];
