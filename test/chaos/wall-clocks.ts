// The wall clocks of a stage: one per machine, each with a file that says by how much it is wrong (jumping-clock.ts).
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ProgramOptions } from '../support/program.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';

const PRELOAD = fileURLToPath(new URL('jumping-clock.ts', import.meta.url));

/** The clocks of all machines, by name. */
export class WallClocks {
  readonly #folder: TemporaryFolder;
  readonly #wrongByMs = new Map<string, number>();

  constructor(folder: TemporaryFolder) {
    this.#folder = folder;
  }

  /** What a program is started with so that it goes by the clock of `machine`. */
  of(machine: string): Pick<ProgramOptions, 'env' | 'nodeArguments'> {
    this.jump(machine, 0);
    return { env: { CHAOS_CLOCK: this.#file(machine) }, nodeArguments: ['--import', PRELOAD] };
  }

  jump(machine: string, byMs: number): void {
    const wrongByMs = (this.#wrongByMs.get(machine) ?? 0) + byMs;
    this.#wrongByMs.set(machine, wrongByMs);
    writeFileSync(this.#file(machine), String(wrongByMs));
  }

  #file(machine: string): string {
    return this.#folder.file(`clock-of-${machine}`);
  }
}
