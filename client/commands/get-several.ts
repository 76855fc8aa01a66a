// `heddle get` of several objects, or of all below a prefix: each into a file below one folder, a bounded number at a time.
// What fails costs that object alone; the exit code is that of the worst failure, and a line with the total ends it all.
// One object is get.ts; where files go is destinations.ts.
import { stat } from 'node:fs/promises';
import { asHeddleError, HeddleError } from '../../protocol/errors.ts';
import type { Client, TransferOptions } from '../client.ts';
import type { EarlyDials } from '../io/dial.ts';
import { listObjects } from '../io/object-list.ts';
import type { SessionReport } from '../io/report.ts';
import { isUrl } from '../mirrors.ts';
import { resolveRoutes } from '../options.ts';
import type { ClientOptions } from '../options.ts';
import { destinationsOf, makeFolders, openFolder } from './destinations.ts';
import type { Destination, Wanted } from './destinations.ts';
import { framed } from './get-frame.ts';
import type { GetFlags } from './get-frame.ts';
import { reportOf } from './get.ts';
import { inTurn } from './in-turn.ts';
import { provenFile } from './proven-file.ts';
import { SeveralOutcome } from './several-outcome.ts';

/** Runs the command for keys or, with --recursive, prefixes; returns the exit code. */
export function getSeveral(names: readonly string[], flags: GetFlags, early?: EarlyDials): Promise<number> {
  return framed(flags, early, async (frame) => {
    const { say, quiet, transfer } = frame;
    const folder = checkedFolder(names, flags);
    const options = fitForSeveral(frame.options);
    const client = await frame.client(options);
    const { wanted, missed } =
      flags.recursive === true
        ? await below(names, options, transfer.signal)
        : { wanted: names.map(named), missed: [] };
    const destinations = [...missed, ...destinationsOf(wanted, folder)];
    await openFolder(folder);
    await frame.count();
    const outcome = new SeveralOutcome(destinations, { say, quiet, isJson: flags.json === true });
    try {
      const work = { client, folder, outcome, transfer };
      await inTurn(destinations, (each, sized) => fetchOne(each, sized, work), transfer.signal);
    } finally {
      outcome.stop();
    }
    return outcome.tell(transfer.signal.aborted);
  });
}

type Work = {
  readonly client: Client;
  readonly folder: string;
  readonly outcome: SeveralOutcome;
  readonly transfer: TransferOptions & { readonly signal: AbortSignal };
};

/** Never rejects. */
async function fetchOne(
  each: Destination,
  sized: (bytes: number) => void,
  { client, folder, outcome, transfer }: Work,
): Promise<void> {
  try {
    if ('refusal' in each) throw each.refusal;
    const { key, path } = each;
    await makeFolders(folder, path);
    const there = await stat(path).catch(() => undefined);
    if (there !== undefined && there.size === (each.bytes ?? there.size)) {
      const proven = await provenFile(client, key, path, there, transfer);
      if (proven !== undefined) return outcome.done(each, proven);
    }
    // what was left of it before stays untouched
    if (transfer.signal.aborted) throw new HeddleError('aborted');
    const look = (): SessionReport | undefined => reportOf(running);
    let isSized = false;
    const segment = (): void => {
      const bytes = isSized ? undefined : look()?.bytes;
      if (bytes === undefined) return;
      isSized = true;
      sized(bytes);
    };
    const running = client.download(key, path, { ...transfer, observer: { ...transfer.observer, segment } });
    outcome.begun(each, look);
    outcome.done(each, await running.done);
  } catch (error) {
    outcome.failed(each, asHeddleError(error));
  }
}

/** The folder that everything goes below. Throws `usage` for what makes sense for one object only. */
function checkedFolder(names: readonly string[], flags: GetFlags): string {
  const { output, range, checksum, root, maxRate, mirror = [] } = flags;
  if (output === '-') throw wrong('several objects go into files; name their folder with -o DIR');
  const forOne = Object.entries({ range, checksum, root, 'max-rate': maxRate }).find(
    ([, value]) => value !== undefined,
  );
  if (forOne !== undefined) throw wrong(`--${forOne[0]} is said of one object; fetch that one alone`);
  const url = names.find(isUrl);
  if (mirror.length > 0 || url !== undefined) throw wrong(ONE_MIRROR);
  return output;
}

const ONE_MIRROR =
  'the URL of a mirror is that of one object; fetch that one alone, or several by their keys over routes';

function fitForSeveral(options: ClientOptions): ClientOptions {
  if ((options.mirrors ?? []).length > 0) throw wrong(ONE_MIRROR);
  if (options.root !== undefined) throw wrong('a root is that of one object; leave it out of the configuration');
  return options;
}

/**
 * All objects whose keys begin with one of these, as folders: the slash at the end may be left out. A prefix that brings
 * none costs the others nothing; when all of them do, the first one's failure is thrown.
 */
async function below(
  prefixes: readonly string[],
  options: ClientOptions,
  signal: AbortSignal,
): Promise<{ readonly wanted: Wanted[]; readonly missed: Destination[] }> {
  const routes = resolveRoutes(options);
  const wanted: Wanted[] = [];
  const missed: { readonly key: string; readonly bytes: undefined; readonly refusal: HeddleError }[] = [];
  const absolute = prefixes.find((name) => name.startsWith('/'));
  if (absolute !== undefined) throw wrong(`no key begins with a slash; write "${absolute.replace(/^\/+/, '')}"`);
  for (const name of prefixes) {
    const prefix = name === '' || name.endsWith('/') ? name : `${name}/`;
    try {
      const listed = await listObjects(routes, prefix, signal);
      if (listed.length === 0) {
        const text = `no object has a key that begins with "${prefix}"`;
        throw new HeddleError('object-not-found', text, { side: 'remote' });
      }
      for (const object of listed) wanted.push(object);
    } catch (error) {
      if (signal.aborted) throw error;
      missed.push({ key: prefix, bytes: undefined, refusal: asHeddleError(error) });
    }
  }
  const [first] = missed;
  if (first !== undefined && wanted.length === 0) throw first.refusal;
  return { wanted, missed };
}

function named(key: string): Wanted {
  return { key, bytes: undefined };
}

function wrong(text: string): HeddleError {
  return new HeddleError('usage', text);
}
