// Where a run is: one line that is overwritten, on a terminal only.

/** Shows a line in place of the one before; an empty one removes it. */
export function showProgress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${line}`);
}
