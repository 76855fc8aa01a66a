// What `npm run bench:routes` can be told.
import { parseArgs } from 'node:util';
import { PEER_NAMES } from './peers.ts';
import type { CongestionControl } from './topology.ts';

/** The command's settings. */
export type RoutesArguments = {
  readonly scenarios: readonly string[];
  readonly peers: readonly string[];
  readonly repetitions: number;
  /** Further runs in place of those that cannot be trusted, per scenario and peer. */
  readonly patience: number;
  readonly congestion: CongestionControl;
  readonly seed: number;
  readonly json: string | undefined;
  readonly install: boolean;
  readonly userSpace: boolean;
  readonly list: boolean;
  readonly help: boolean;
  /** client/cli.ts of a checkout; undefined: what is built of this one. */
  readonly cli: string | undefined;
  readonly getFlags: readonly string[];
};

const DEFAULT_SCENARIOS = ['S1', 'S3', 'S4', 'S5'];
const CONGESTION_CONTROLS = ['cubic', 'bbr', 'reno'] as const;

export const USAGE: string = `node test/bench/routes.ts [--scenario S1,S3 …] [--peers heddle,curl …] [--reps 3] [--cc cubic|bbr|reno]

Moves an object over shaped routes with Heddle and with its peers, and prints one table of ratios.
Real delay, loss and black holes need root on Linux, a C compiler, \`ip\` and TUN; otherwise links are shaped in user space.

  --scenario NAMES   default ${DEFAULT_SCENARIOS.join(',')}; "all", "random:SEED", or a JSON file; see --list
  --peers NAMES      default all of ${PEER_NAMES.join(', ')}
  --reps N           runs of each peer in each scenario, peers taking turns; default 3
  --patience N       further runs in place of those that cannot be trusted; default 0
  --cc NAME          congestion control of every connection; default cubic
  --seed N           of the emulator's losses; default 1
  --json FILE        write every run
  --get-flags FLAGS  further flags for heddle get, separated by blanks
  --cli FILE         client/cli.ts of a checkout, instead of what \`npm run build\` makes of this one
  --install          install missing peers (Debian, root)
  --user-space       do not use namespaces even if possible
  --list             list the scenarios`;

/** Reads the command line; throws on what it does not know. */
export function parseRoutesArguments(argv: readonly string[]): RoutesArguments {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      scenario: { type: 'string', multiple: true },
      peers: { type: 'string', multiple: true },
      reps: { type: 'string', default: '3' },
      patience: { type: 'string', default: '0' },
      cc: { type: 'string', default: 'cubic' },
      seed: { type: 'string', default: '1' },
      json: { type: 'string' },
      'get-flags': { type: 'string', default: '' },
      cli: { type: 'string' },
      install: { type: 'boolean', default: false },
      'user-space': { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  // `--scenario S1 S3` reads naturally, so what follows without a flag is a scenario too.
  const scenarios = [...(values.scenario ?? []), ...positionals].flatMap(names);
  const peers = (values.peers ?? []).flatMap(names);
  const congestion = CONGESTION_CONTROLS.find((name) => name === values.cc);
  if (congestion === undefined) throw new Error(`--cc is one of ${CONGESTION_CONTROLS.join(', ')}`);
  return {
    scenarios: scenarios.length === 0 ? DEFAULT_SCENARIOS : scenarios,
    peers: peers.length === 0 ? PEER_NAMES : peers,
    repetitions: wholeNumber(values.reps, '--reps', 1),
    patience: wholeNumber(values.patience, '--patience', 0),
    congestion,
    seed: wholeNumber(values.seed, '--seed', 0),
    json: values.json,
    install: values.install,
    userSpace: values['user-space'],
    list: values.list,
    help: values.help,
    cli: values.cli,
    getFlags: values['get-flags'].split(/\s+/).filter(Boolean),
  };
}

function names(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
}

function wholeNumber(text: string, flag: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least) throw new Error(`${flag} wants a whole number from ${least}`);
  return value;
}
