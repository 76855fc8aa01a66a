// When the machine was too busy for a figure to say much, and which of several runs count then. Pure.

/** Cores that others may keep busy on average. */
const MOST_FOREIGN_CORES = 0.15;

/** True when others used too much; where it cannot be known, nothing is held against a run. */
export function isBusy(foreignCores: number | undefined): boolean {
  return foreignCores !== undefined && foreignCores > MOST_FOREIGN_CORES;
}

/** The trusted ones, or all where none is. */
export function trustedOrAll<Item>(items: readonly Item[], isTrusted: (item: Item) => boolean): readonly Item[] {
  const trusted = items.filter(isTrusted);
  return trusted.length > 0 ? trusted : items;
}
