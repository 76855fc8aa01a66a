// The `http` backend: objects are what any web server with byte ranges serves below one base URL. Such a server cannot
// be asked for a list of its files, so the keys are given, or found in a text on the server with one key in each line.
import { encodeKey } from '../protocol/paths.ts';
import type { Backend, ObjectEntry } from './backend.ts';
import { isServedKey } from './object-key.ts';
import type { OriginTuning } from './options.ts';
import { remoteBackend } from './remote-backend.ts';
import { RemoteClient } from './remote-client.ts';
import type { RemoteTls } from './remote-client.ts';
import { ask, failed } from './remote-place.ts';
import type { RemotePlace } from './remote-place.ts';
import { withReason } from './remote-range.ts';
import { openSecret } from './secret-file.ts';

/** Where the objects are, and how to ask for them. */
export type HttpPlace = {
  /** The address of a key is this, a slash, and the key. */
  readonly url: string;
  /** Keys to list. */
  readonly keys?: readonly string[] | undefined;
  /** The key of a text with one key in each line. */
  readonly list?: string | undefined;
  /** The value of the Authorization header, or the file that holds it. */
  readonly authorization?: string | undefined;
  readonly authorizationFile?: string | undefined;
  /** `host` or `host:port` of servers that it may redirect to. */
  readonly redirectHosts?: readonly string[] | undefined;
  readonly tls?: RemoteTls | undefined;
};

/** Told of each request. */
export type RemoteObserver = RemotePlace['observe'];

/** Longest list of keys that is read, bytes. */
const MOST_LIST_BYTES = 33_554_432;

/** Serves what is below `url`. Throws `bad-configuration` for a secret that cannot be read. */
export async function openHttpBackend(
  options: HttpPlace,
  tuning: OriginTuning,
  observe: RemoteObserver = () => {},
): Promise<Backend> {
  const base = new URL(options.url);
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  const authorization = await openSecret(options.authorization, options.authorizationFile, 'authorization');
  const place: RemotePlace = {
    name: base.host,
    client: new RemoteClient(tuning, options.tls ?? {}),
    tuning,
    urlOf: (key) => new URL(base.pathname + encodeKey(key), base),
    // nobody else is told, wherever it redirects to
    credentials: async ({ url }) =>
      authorization === undefined || url.origin !== base.origin ? {} : { authorization: await authorization() },
    redirectHosts: options.redirectHosts ?? [],
    changesInPlace: true,
    observe,
  };
  const backend: Backend = remoteBackend(place, `http:${base.href}`, async function* list({ prefix, after }) {
    const { keys = [], list: key } = options;
    const all = key === undefined ? keys : [...keys, ...(await readList(place, key))];
    const wanted = [...new Set(all)].filter((name) => name.startsWith(prefix) && name > after && isServedKey(name));
    for (const name of wanted.sort()) {
      const stat = await backend.stat(name);
      if (stat !== undefined) yield { key: name, stat } satisfies ObjectEntry;
    }
  });
  return backend;
}

/** The keys in the text that `key` names. */
async function readList(place: RemotePlace, key: string): Promise<string[]> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  const outcome = await ask(place, {
    key,
    method: 'GET',
    headers: {},
    deadline: performance.now() + place.tuning.backendReadMs,
    onHead: ({ status }) => {
      if (status !== 200) return undefined;
      return (piece) => {
        pieces.push(Buffer.from(piece));
        bytes += piece.length;
        return bytes <= MOST_LIST_BYTES;
      };
    },
  });
  if (outcome.type === 'lost') throw failed(place, `the list "${key}": ${outcome.reason}`);
  const { status } = outcome.head;
  if (status !== 200) throw failed(place, withReason(`the list "${key}": it answered ${status}`, outcome));
  if (bytes > MOST_LIST_BYTES) throw failed(place, `the list "${key}" is longer than ${MOST_LIST_BYTES} bytes`);
  return Buffer.concat(pieces)
    .toString()
    .split(/\r?\n/)
    .filter((line) => line !== '');
}
