// `--ui`, and `control:` of the configuration file: opens the control interface beside a command, and says where it is.
// Loaded only when somebody wants it.
import { DEFAULT_CONTROL_ADDRESS, parseControlAddress } from '../control/address.ts';
import { startControl } from '../control/server.ts';
import { newToken, tokenOf } from '../control/token.ts';
import { TransferList } from '../control/transfer-list.ts';
import type { ControlSettings } from '../settings.ts';

export type ControlFlags = {
  /** HOST:PORT or unix:PATH; true: where the file says, or a free port. */
  readonly ui?: string | true;
};

/** An open control interface, and the list that its transfers belong to. */
export type OpenControl = AsyncDisposable & {
  readonly transfers: TransferList;
  /** Where it is; with the token, unless that is in a file. */
  readonly url: string;
  /** The same for people. */
  readonly line: string;
};

/**
 * Opens it where the flag says, or else the file, or else on a free port. `keepsRunning`: whether the process lives as
 * long as it is open. Throws `usage`, `bad-configuration`, `local-io`.
 */
export async function openControl(
  { ui }: ControlFlags,
  { listen = DEFAULT_CONTROL_ADDRESS, tokenFile }: ControlSettings,
  keepsRunning = true,
): Promise<OpenControl> {
  const address = parseControlAddress(typeof ui === 'string' ? ui : listen);
  const token = tokenFile === undefined ? newToken() : await tokenOf(tokenFile);
  const transfers = new TransferList();
  const running = await startControl({ address, transfers, token, keepsRunning });
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
