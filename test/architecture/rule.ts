// What a rule of the architecture is: what it reads, what it finds, why it stands, and the sources that prove that it
// can fail. Knows no rule itself.
import type { SourceFile } from './source-file.ts';

/** Something a rule does not allow, at a line of a file. */
export type Fault = { readonly line: number; readonly what: string };

/** A source made up to show what a rule does. */
export type Example = { readonly path: string; readonly text: string };

/** One rule. Every text of `bad` must have a fault, `good` none. */
export type Rule = {
  readonly name: string;
  /** The reason, told with every fault. */
  readonly why: string;
  readonly appliesTo: (path: string) => boolean;
  readonly faultsOf: (source: SourceFile) => Fault[];
  /** The rule judges imports: files without a single import among them mean that they were not read. */
  readonly readsImports?: true;
  readonly bad: readonly Example[];
  readonly good: Example;
};

/** A row of examples under one path. */
export function examples(path: string, ...texts: readonly string[]): Example[] {
  return texts.map((text) => ({ path, text }));
}
