// Where the control interface listens: a port of this machine alone, or a unix socket. Nothing else can be written.
import { resolve } from 'node:path';
import { HeddleError } from '../../protocol/errors.ts';
import { parseAddress } from '../../protocol/settings/text.ts';
import { isLoopback } from '../loopback.ts';

/** A place to listen. */
export type ControlAddress =
  | { readonly type: 'tcp'; readonly host: string; readonly port: number }
  | { readonly type: 'unix'; readonly path: string };

/** Longest path of a unix socket, bytes: every system takes it, and the longer one under which it is made. */
const MOST_PATH_BYTES = 88;

/** The address that `written` gives as HOST:PORT, PORT or unix:PATH. Throws `usage`. */
export function parseControlAddress(written: string): ControlAddress {
  if (written.startsWith('unix:')) {
    const path = resolve(written.slice('unix:'.length));
    if (written !== 'unix:' && Buffer.byteLength(path) <= MOST_PATH_BYTES) return { type: 'unix', path };
    throw new HeddleError('usage', `"${written}" is no unix:PATH of at most ${MOST_PATH_BYTES} bytes`);
  }
  const address = parseAddress(/^\d+$/.test(written) ? `127.0.0.1:${written}` : written);
  if (address === undefined) {
    throw new HeddleError('usage', `the control interface listens on HOST:PORT or unix:PATH, not on "${written}"`);
  }
  if (isLoopback(address.host)) return { type: 'tcp', ...address };
  throw new HeddleError(
    'usage',
    `the control interface is for this machine alone, and ${address.host} is more; take 127.0.0.1 and reach it over ssh -L`,
  );
}
