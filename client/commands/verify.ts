// `heddle verify`: a file that is here already against the root of an object. Reads the file, and nothing else.
import { asHeddleError, exitCodeOf, HeddleError } from '../../protocol/errors.ts';
import { formatRoot, parseRoot } from '../../protocol/manifest.ts';
import { rootOfFile } from '../io/file-root.ts';
import { complain, errorLine, formatBytes } from './terminal.ts';

export type VerifyFlags = { readonly root: string; readonly json?: boolean };

/** Runs the command; returns the exit code: 0 the file is the object, 4 it is not. */
export async function verify(file: string, flags: VerifyFlags): Promise<number> {
  try {
    const expected = parseRoot(flags.root);
    if (expected === undefined) {
      throw new HeddleError('bad-configuration', `"${flags.root}" is no root; write sha256: and 64 hex digits`);
    }
    const found = await rootOfFile(file);
    const root = formatRoot(found.root);
    if (root !== formatRoot(expected)) {
      throw new HeddleError('corrupt', `${file} is another object, or not whole: its root is ${root}`);
    }
    const said = { type: 'done', file, bytes: found.bytes, root, verified: true };
    process.stdout.write(
      flags.json === true ? `${JSON.stringify(said)}\n` : `${file}: ${formatBytes(found.bytes)} verified\n`,
    );
    return 0;
  } catch (error) {
    const known = asHeddleError(error);
    if (flags.json === true) process.stdout.write(`${JSON.stringify(errorLine(known))}\n`);
    else complain(known);
    return exitCodeOf(known.code);
  }
}
