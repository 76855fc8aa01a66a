// What became of several objects: a line for each as it ends, progress of those that run, the total, the exit code. Fetches
// nothing itself.
import { exitCodeOf } from '../../protocol/errors.ts';
import type { HeddleError } from '../../protocol/errors.ts';
import type { SessionReport } from '../io/report.ts';
import type { Destination } from './destinations.ts';
import type { Say } from './get-frame.ts';
import { PROGRESS_JSON_MS } from './get.ts';
import { doneLine, progressLine, seconds, summary } from './report-lines.ts';
import { severalLines } from './several-progress.ts';
import { complain, errorLine, formatBytes, formatRate, LiveBlock } from './terminal.ts';

/** Exit codes from the worst on: interrupted, integrity, local I/O, no route, object, configuration, usage. */
const WORST_FIRST: readonly number[] = [130, 4, 6, 3, 5, 2, 1];

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 2_000;

/** How it is told. */
type Telling = { readonly say: Say | undefined; readonly quiet: boolean; readonly isJson: boolean };

/** The objects of one command. */
export class SeveralOutcome {
  readonly #objects: number;
  readonly #telling: Telling;
  readonly #startedAt: number = performance.now();
  readonly #running = new Map<Destination, () => SessionReport | undefined>();
  readonly #exits = new Set<number>();
  readonly #timer: NodeJS.Timeout;
  readonly #block: LiveBlock | undefined;
  #done = 0;
  #failed = 0;
  #bytes = 0;
  #resumedBytes = 0;
  #isVerified = true;

  constructor(destinations: readonly Destination[], telling: Telling) {
    this.#objects = destinations.length;
    this.#telling = telling;
    this.#block = !telling.quiet && process.stderr.isTTY ? new LiveBlock(process.stderr) : undefined;
    const everyMs = telling.isJson ? PROGRESS_JSON_MS : this.#block === undefined ? PLAIN_LINE_MS : REDRAW_MS;
    this.#timer = setInterval(() => this.#show(), everyMs);
  }

  /** It runs; `look` gives a picture of it. */
  begun(object: Destination, look: () => SessionReport | undefined): void {
    this.#running.set(object, look);
  }

  /** Its file is whole. */
  done(object: Destination, report: SessionReport): void {
    this.#running.delete(object);
    this.#done += 1;
    this.#bytes += report.bytes ?? 0;
    this.#resumedBytes += report.resumedBytes;
    this.#isVerified &&= report.vouching.verified;
    this.#telling.say?.({ ...doneLine(report), file: fileOf(object) });
    const here = report.bytes === report.resumedBytes && report.resumedBytes > 0;
    const how = here ? `${formatBytes(report.resumedBytes)} verified, was here` : summary(report);
    if (!this.#telling.quiet) this.#line(`${fileOf(object)}: ${how}`);
  }

  /** It has no file. */
  failed(object: Destination, error: HeddleError): void {
    this.#running.delete(object);
    this.#failed += 1;
    this.#exits.add(exitCodeOf(error.code));
    this.#telling.say?.({ ...errorLine(error), key: object.key, file: fileOf(object) });
    if (this.#telling.isJson) return;
    this.#block?.draw([]);
    const isNamed = 'refusal' in object || error.message.includes(object.key);
    const named = isNamed ? error.message : `${object.key}: ${error.message}`;
    complain({ code: error.code, message: named.replaceAll(/\p{C}/gu, '?') });
  }

  /** No more progress. */
  stop(): void {
    clearInterval(this.#timer);
    this.#block?.draw([]);
  }

  /** The total, as the last line; gives the exit code. */
  tell(isInterrupted: boolean): number {
    if (isInterrupted) this.#exits.add(exitCodeOf('aborted'));
    const exitCode = WORST_FIRST.find((code) => this.#exits.has(code)) ?? 0;
    const elapsedMs = performance.now() - this.#startedAt;
    const { say, quiet } = this.#telling;
    say?.({
      type: 'total',
      objects: this.#objects,
      done: this.#done,
      failed: this.#failed,
      bytes: this.#bytes,
      resumedBytes: this.#resumedBytes,
      seconds: seconds(elapsedMs),
      verified: this.#done > 0 && this.#isVerified,
      exitCode,
    });
    if (!quiet) {
      const rate = formatRate((1_000 * (this.#bytes - this.#resumedBytes)) / Math.max(1, elapsedMs));
      const failed = this.#failed === 0 ? '' : `, ${this.#failed} failed`;
      const count = `${this.#done} of ${this.#objects} objects${failed}`;
      process.stderr.write(`${count}: ${formatBytes(this.#bytes)} in ${seconds(elapsedMs)} s (${rate})\n`);
    }
    return exitCode;
  }

  #show(): void {
    const { say, isJson, quiet } = this.#telling;
    const running = [...this.#running].flatMap(([object, look]) => {
      const report = look();
      return report === undefined ? [] : [{ object, report }];
    });
    if (isJson) {
      for (const { object, report } of running) {
        say?.({ ...progressLine(report), key: object.key, file: fileOf(object) });
      }
    } else if (!quiet) {
      const [total = '', ...each] = severalLines(
        { objects: this.#objects, ended: this.#done + this.#failed, bytes: this.#bytes },
        running.map(({ object: { key }, report }) => ({ key, report })),
      );
      if (this.#block === undefined) process.stderr.write(`${total}\n`);
      else this.#block.draw([total, ...each]);
    }
  }

  #line(text: string): void {
    if (this.#block === undefined) process.stderr.write(`${text}\n`);
    else this.#block.say(text);
  }
}

function fileOf(object: Destination): string | null {
  return 'path' in object ? object.path : null;
}
