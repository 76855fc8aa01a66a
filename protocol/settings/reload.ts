// When a running server reads its settings again: on SIGHUP, and when a file that they came from has changed. One reading at
// a time; one that fails leaves everything as it is. What a change means is the server's business.
import { statSync, unwatchFile, watchFile } from 'node:fs';
import type { Stats, StatsListener } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { asHeddleError } from '../errors.ts';

/** What a reading led to. */
export type Applied = {
  /** Settings that count from now on. */
  readonly changed: readonly string[];
  /** Settings that were changed but wait for a restart. */
  readonly waiting: readonly string[];
};

export type ReloadTask = {
  /** Files that the settings come from. */
  readonly files: readonly string[];
  /** Reads and applies; the files to watch from now on. Throws when anything is wrong, having applied nothing. */
  reload(): Promise<Applied & { readonly files: readonly string[] }>;
  /** Take one line: of what was applied, and of why nothing was. */
  say(line: string): void;
  complain(line: string): void;
  /** Told after every reading whether it was applied. */
  counted(applied: boolean): void;
  /** False in a program of somebody else's: what a signal means there is not ours to say. Default true. */
  readonly heedsSignal?: boolean;
};

/** How often files are looked at, ms. Names are followed each time: they may be links that are exchanged. */
const LOOK_MS = 1_000;
/** From a change to the reading, ms: whoever writes in place should be done. */
const SETTLE_MS = 200;

/** Begins to watch; disposing ends it. */
export function reloadOnChange(task: ReloadTask): Disposable {
  let files: readonly string[] = [];
  let reading: Promise<void> = Promise.resolve();
  let asked = false;
  /** What was there when the settings were last read: a change that was read on a signal is none any more. */
  let seen = new Map<string, string>();
  const ended = new AbortController();
  const watch = (next: readonly string[]): void => {
    for (const file of files) if (!next.includes(file)) unwatchFile(file, listeners.get(file));
    for (const file of next) {
      if (!files.includes(file)) watchFile(file, { interval: LOOK_MS, persistent: false }, listenerOf(file));
    }
    files = next;
  };
  const read = async (waitMs: number): Promise<void> => {
    await sleep(waitMs, undefined, { signal: ended.signal, ref: false });
    asked = false;
    seen = new Map(files.map((file) => [file, versionOf(statSync(file, { throwIfNoEntry: false }))]));
    try {
      const applied = await task.reload();
      watch(applied.files);
      task.say(wordsFor(applied));
      task.counted(true);
    } catch (error) {
      task.complain(`${asHeddleError(error).message} (the settings read before stay in force)`);
      task.counted(false);
    }
  };
  // who asks while a reading waits to begin is served by it
  const ask = (waitMs: number): void => {
    if (asked) return;
    asked = true;
    reading = reading.then(() => read(waitMs)).catch(() => undefined);
  };
  const listeners = new Map<string, StatsListener>();
  const listenerOf = (file: string): StatsListener => {
    const listener: StatsListener = (now, before) => {
      const version = versionOf(now);
      if (version !== versionOf(before) && version !== seen.get(file)) ask(SETTLE_MS);
    };
    listeners.set(file, listener);
    return listener;
  };
  const onSignal = (): void => ask(0);
  if (task.heedsSignal !== false) process.on('SIGHUP', onSignal);
  watch(task.files);
  return {
    [Symbol.dispose]: () => {
      process.off('SIGHUP', onSignal);
      watch([]);
      ended.abort();
    },
  };
}

function versionOf(stat: Stats | undefined): string {
  return stat === undefined ? '0 0 0' : `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
}

function wordsFor({ changed, waiting }: Applied): string {
  const now =
    changed.length === 0 ? 'settings read again: nothing changed' : `settings read again: ${changed.join(', ')}`;
  return waiting.length === 0 ? now : `${now}; a restart is needed for ${waiting.join(', ')}`;
}
