// Who may ask the control interface: programs of this machine with the token, and the page it serves itself. Not pages of
// other sites, and nobody who came here by a name of a stranger's DNS. Pure: a request's head in, a verdict out.
import { Refused } from './problem.ts';
import { carries } from './token.ts';

/** What the interface lets in. */
export type Admission = {
  /** `host:port` names of the listener, lower-case; undefined on a unix socket, which no browser reaches. */
  readonly hosts: readonly string[] | undefined;
  /** Undefined on a unix socket: its mode guards it. */
  readonly token: string | undefined;
};

/** What of a request decides. */
export type RequestHead = {
  /** As it stands in the request line. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
};

/** The page: it holds no secret, and its reader has the token in the fragment, which no request carries. */
const OPEN_TARGETS: ReadonlySet<string> = new Set(['/', '/favicon.ico']);

/** Throws `Refused` for a request that may not be answered. */
export function admit({ hosts, token }: Admission, { target, headers }: RequestHead): void {
  const host = textOf(headers['host']).toLowerCase();
  if (hosts?.includes(host) === false) {
    const name = host === '' ? 'anything without a Host' : host;
    throw new Refused(421, `this is not ${name}; ask for ${hosts[0]}`);
  }
  if (isCrossSite(headers, hosts ?? [])) throw new Refused(403, 'pages of other sites may not ask here', 'refused');
  if (token === undefined || OPEN_TARGETS.has(target)) return;
  if (carries(textOf(headers['authorization']), token)) return;
  throw new Refused(401, 'the token is missing or wrong; send Authorization: Bearer TOKEN', 'refused');
}

/** Browsers say whose page asks; programs say nothing. */
function isCrossSite(headers: RequestHead['headers'], hosts: readonly string[]): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  const { origin } = headers;
  return origin !== undefined && !hosts.some((host) => origin === `http://${host}`);
}

function textOf(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : '';
}
