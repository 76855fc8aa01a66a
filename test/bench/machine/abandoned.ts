// What a bench left that was killed before it could clean up: things whose names carry the number of a process that is
// no more.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** True while a process of that number runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Removes the folders in `parent` that are named `prefix`, the number of a dead process, a dash and something. */
export function removeAbandonedFolders(parent: string, prefix: string): void {
  for (const name of namesIn(parent)) {
    const pid = Number(new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1] ?? 0);
    if (pid > 0 && !isAlive(pid)) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
