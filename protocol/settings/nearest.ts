// Did you mean: which of the known words is so near to an unknown one that it was probably meant.

/** The nearest of `known`: the same but for case, dashes and underscores, or a few slips of the finger away. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const plain = bare(word);
  const most = Math.min(3, Math.floor(plain.length / 3));
  let best: { word: string; distance: number } | undefined;
  for (const candidate of known) {
    const distance = slips(plain, bare(candidate));
    if (distance <= most && distance < (best?.distance ?? Number.POSITIVE_INFINITY))
      best = { word: candidate, distance };
  }
  return best?.word;
}

function bare(word: string): string {
  return word
    .replaceAll(/[-_\s]/g, '')
    .toLowerCase()
    .slice(0, 64);
}

/** Letters left out, put in, changed or swapped with their neighbour (optimal string alignment). */
function slips(a: string, b: string): number {
  let [before, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let row = 1; row <= a.length; row += 1) {
    const next = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      next[column] = Math.min(
        (last[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (before[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, last] = [last, next];
  }
  return last[b.length] ?? 0;
}
