// What `heddle get --json` says at its end, as far as the bench shows it. Pure.

/** Heddle's own account of a transfer. */
export type ClosingLine = {
  /** Of the transfer, without starting and ending the program. */
  readonly seconds?: number;
  readonly wasteBytes?: number;
  readonly hedges?: number;
  readonly patterns?: number;
  readonly firstByteSeconds?: number | null;
  /** The most credit that any route held beyond its window at one time. */
  readonly creditBeyondWindowBytes?: number;
  readonly routes?: readonly { readonly state: string }[];
};

/** What is wrong with a transfer that had a false mirror, the `route`th from 1; undefined when it was dropped. */
export function falseMirrorFault(said: ClosingLine, route: number): string | undefined {
  const state = said.routes?.[route - 1]?.state;
  return state === 'excluded' ? undefined : `the false mirror was not dropped: it is ${state ?? 'not there'}`;
}

/** The last `done` line in a client's output; undefined when there is none. */
export function closingLine(output: string): ClosingLine | undefined {
  for (const line of output.split('\n').toReversed()) {
    if (!line.startsWith('{')) continue;
    try {
      const said = JSON.parse(line) as ClosingLine & { readonly type?: string };
      if (said.type === 'done') return said;
    } catch {
      // a line that was cut off
    }
  }
  return undefined;
}
