// A vote among mirrors about one thing, their size or their bytes: who said what, who leads, whether more votes could
// change that. What the user named as the object itself outweighs all others. Pure.

/** What leads the vote. */
export type Lead = {
  readonly choice: string;
  readonly voters: readonly number[];
  /** Another choice has the same weight. */
  readonly isTie: boolean;
};

/** One vote. Voters are named by numbers. */
export class Ballot {
  readonly #voters: number;
  readonly #primary: number | undefined;
  readonly #choices = new Map<number, string>();

  /** `voters`: how many there are; `primary`: the one that outweighs the others. */
  constructor(voters: number, primary: number | undefined) {
    this.#voters = voters;
    this.#primary = primary;
  }

  cast(voter: number, choice: string): void {
    this.#choices.set(voter, choice);
  }

  /** The voter is gone, and its vote with it. */
  withdraw(voter: number): void {
    this.#choices.delete(voter);
  }

  choiceOf(voter: number): string | undefined {
    return this.#choices.get(voter);
  }

  /** What leads now; undefined before the first vote. */
  get lead(): Lead | undefined {
    const [first, second] = this.tally;
    return first === undefined ? undefined : { ...first, isTie: second?.weight === first.weight };
  }

  /** Choices with their voters, the weightiest first; of equal ones that of the lowest voter. */
  get tally(): readonly { readonly choice: string; readonly voters: readonly number[]; readonly weight: number }[] {
    const all = [...Map.groupBy(this.#choices, ([, choice]) => choice)].map(([choice, votes]) => {
      const voters = votes.map(([voter]) => voter).toSorted((a, b) => a - b);
      const isPrimary = this.#primary !== undefined && voters.includes(this.#primary);
      return { choice, voters, weight: voters.length + (isPrimary ? this.#voters : 0) };
    });
    return all.toSorted((a, b) => b.weight - a.weight || (a.voters[0] ?? 0) - (b.voters[0] ?? 0));
  }

  /** True when `open` more votes cannot change what leads. */
  isSure(open: number): boolean {
    const [first, second] = this.tally;
    const mayOutweigh = this.#primary !== undefined && !this.#choices.has(this.#primary) ? this.#voters : 0;
    return first !== undefined && (open === 0 || first.weight > (second?.weight ?? 0) + open + mayOutweigh);
  }
}
