// `heddle/control`: the control interface for a program's own transfers, and for the commands. Give the `TransferList` to
// `createClient` (or to the interceptor's origins) as `transfers`: with it alone they are watched and steered in code. What
// serves them over HTTP is loaded when it is started.
import './older-node.ts';
import { TransferList } from './control/transfer-list.ts';

/** A list for `createClient({ transfers })`; several clients may share one. */
export function createTransferList(): TransferList {
  return new TransferList();
}

/** How the interface is opened. */
export type ControlOptions = {
  /** HOST:PORT of this machine (port 0: a free one) or unix:PATH. Default 127.0.0.1:0. */
  readonly listen?: string;
  /** File with the token, made with mode 0600 when it is not there. Left out: a token that only `url` tells. */
  readonly tokenFile?: string;
  /** Whose transfers are shown; a list of its own when left out. */
  readonly transfers?: TransferList;
  /** Whether the process lives as long as it is open. Default true. */
  readonly keepsRunning?: boolean;
};

/** An open control interface. */
export type RunningControl = AsyncDisposable & {
  readonly transfers: TransferList;
  /** Where it is; with the token in its fragment, unless that is in a file. */
  readonly url: string;
  /** The same for people. */
  readonly line: string;
};

const FREE_PORT = '127.0.0.1:0';

/** Opens the interface. Throws `usage`, `bad-configuration`, `local-io`. */
export async function startControl(options: ControlOptions = {}): Promise<RunningControl> {
  const { listen = FREE_PORT, tokenFile, transfers = new TransferList(), keepsRunning = true } = options;
  const [{ parseControlAddress }, { startServer }, { newToken, tokenOf }] = await Promise.all([
    import('./control/address.ts'),
    import('./control/server.ts'),
    import('./control/token.ts'),
  ]);
  const address = parseControlAddress(listen);
  const token = tokenFile === undefined ? newToken() : await tokenOf(tokenFile);
  const running = await startServer({ address, transfers, token, keepsRunning });
  // what is in a file need not be in logs
  const isHidden = tokenFile !== undefined && address.type === 'tcp';
  const url = isHidden ? running.url.replace(/#.*$/, '') : running.url;
  const where = isHidden ? `${url}#token=TOKEN, with the token in ${tokenFile}` : url;
  return {
    transfers,
    url,
    line: `watch and steer at ${where}`,
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}
