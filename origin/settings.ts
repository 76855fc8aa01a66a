// What an origin's configuration file may hold, and how it and the flags become the origin's options: flags win.
import { HeddleError } from '../protocol/errors.ts';
import { amounts } from '../settings/amount.ts';
import { group } from '../settings/collections.ts';
import type { SettingsTable } from '../settings/setting.ts';
import type { SettingsFile } from '../settings/settings-file.ts';
import { address, path } from '../settings/text.ts';
import type { ListenAddress } from '../settings/text.ts';
import { ORIGIN_TUNING, parseListen } from './options.ts';
import type { OriginOptions, OriginTuning } from './options.ts';

/** What the file may say. */
export type OriginSettings = {
  readonly dir?: string;
  readonly listen?: ListenAddress;
  readonly admin?: ListenAddress;
  readonly stateDir?: string;
  readonly tuning?: Partial<OriginTuning>;
};

/** One row per key of the file: a new setting is its type above and one line here. */
export const ORIGIN_SETTINGS: SettingsTable<OriginSettings> = {
  dir: path({ why: 'the folder to serve' }),
  listen: address({ why: 'where clients and relays connect', initial: { host: '127.0.0.1', port: 8080 } }),
  admin: address({ why: 'where /metrics, /livez and /readyz are served besides' }),
  stateDir: path({ why: 'where the hash index and the signing key are kept; never inside dir' }),
  tuning: group<Partial<OriginTuning>>(amounts(ORIGIN_TUNING), { why: 'sizes, times and counts' }),
};

/** The flags of `heddle origin`. */
export type OriginFlags = {
  readonly dir?: string | undefined;
  readonly listen?: string | undefined;
  readonly admin?: string | undefined;
  readonly state?: string | undefined;
  readonly config?: string | undefined;
};

/** The options that the flags and the file they name make together. Throws `bad-configuration` or `usage`. */
export async function originOptions(flags: OriginFlags): Promise<OriginOptions> {
  const file = flags.config === undefined ? undefined : await readFileOf(flags.config);
  const said: OriginSettings = file?.values ?? {};
  const dir = flags.dir ?? said.dir;
  if (dir === undefined) {
    const missing = 'the folder to serve is not said; write dir: FOLDER, or give --dir';
    throw file?.wrong('', missing) ?? new HeddleError('usage', 'say which folder to serve: --dir DIR');
  }
  return {
    dir,
    listen: flags.listen === undefined ? said.listen : parseListen(flags.listen, '--listen'),
    admin: flags.admin === undefined ? said.admin : parseListen(flags.admin, '--admin'),
    stateDir: flags.state ?? said.stateDir,
    tuning: said.tuning,
  };
}

/** An origin that is told all by flags has no use for what reads YAML. */
async function readFileOf(config: string): Promise<SettingsFile<OriginSettings>> {
  const { readSettingsFile } = await import('../settings/settings-file.ts');
  return readSettingsFile(config, ORIGIN_SETTINGS);
}
