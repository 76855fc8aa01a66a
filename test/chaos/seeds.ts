// Seeds whose runs went wrong once, each with what it found. They are run again by `npm run chaos -- --replay`.

export const FOUND_SEEDS: readonly { readonly seed: number; readonly found: string }[] = [];
