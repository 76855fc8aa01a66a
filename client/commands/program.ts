// The command line: what each command takes, and nothing else. A command's code is loaded when it is used, so that
// `--help` and `get` start fast. Exit codes are those of protocol/errors.ts.
import { Command, CommanderError } from 'commander';
import { exitCodeOf, HeddleError } from '../../protocol/errors.ts';
import type { EarlyDials } from '../io/dial.ts';
import type { CheckFlags } from './config.ts';
import { examplesOf } from './examples.ts';
import type { GetFlags } from './get-frame.ts';
import type { KeygenFlags } from './keygen.ts';
import type { ProxyFlags } from './proxy.ts';
import type { RoutesFlags } from './routes.ts';
import type { VerifyFlags } from './verify.ts';
import { complain, errorLine, failed, outliveReaders } from './terminal.ts';
import type { TokenFlags } from './token.ts';

/** Of everything that runs for long. */
const LOG_LEVEL = ['--log-level <error|warning|info|debug>', 'how much it says of itself (default: info)'] as const;
const LOG_FORMAT = ['--log-format <text|json>', 'how it says that, on standard error (default: text)'] as const;

const collect = (value: string, all: string[] = []): string[] => [...all, value];

/** All commands; `early` goes to `get`. */
export function commandLine(early?: EarlyDials): Command {
  const program = new Command('heddle')
    .description('One object over many network routes at once, verified.')
    .version('0.1.0')
    .exitOverride()
    .configureOutput({ outputError: () => {} });

  program
    .command('get')
    .description('fetch an object over all routes and from all mirrors at once, or several of them')
    .argument('<key...>', 'key of the object, or the URL of a copy on a plain HTTP server; several keys with -o DIR')
    .option('-o, --output <file>', 'where to write it, or the folder of several; - is standard output', '-')
    .option('--recursive', 'each key is a prefix: all objects below it, with their keys as paths below -o DIR')
    .option('--route <name=baseurl>', 'a route; repeat for each (append #local=ADDRESS to bind it)', collect)
    .option('--mirror <name=url>', 'the full URL of a copy on a plain HTTP server; repeat for each', collect)
    .option('--config <file>', 'YAML file with routes')
    .option('--root <sha256:hex>', 'the only Merkle root to accept')
    .option('--checksum <sha256:hex>', 'the SHA-256 that the whole must have')
    .option('--origin-key <file>', "the origin's public key (JWK)")
    .option('--token-file <file>', 'file with a bearer token')
    .option('--ca <file>', "authorities (PEM) to trust on https routes, instead of the system's")
    .option('--client-cert <file>', 'certificate (PEM) for https routes that ask for one')
    .option('--client-key <file>', 'its private key (PEM)')
    .option('--range <a-b>', 'bytes a to b, both included; "a-" to the end')
    .option('--max-rate <rate>', 'over all routes together, such as 10MB/s or 100Mbit/s')
    .option('--if-changed <restart|fail>', 'when another version of the object appears on the way', 'fail')
    .option('--segment <bytes>', 'segment size, 32768 × 2^k')
    .option('--metrics-file <file>', 'leave metrics there for the textfile collector of the node exporter (*.prom)')
    .option('--no-memory', 'neither use nor keep what routes carried before')
    .option('--json', 'one JSON object per line; the last says how it ended')
    .option('--quiet', 'no progress')
    .option(...LOG_LEVEL)
    .option(...LOG_FORMAT)
    .option('--ui [address]', 'a page to watch and steer it, on HOST:PORT or unix:PATH of this machine')
    .addHelpText('after', examplesOf('get'))
    .action(async (keys: string[], flags: GetFlags) => {
      const [key = ''] = keys;
      if (keys.length > 1 || flags.recursive === true) {
        const { getSeveral } = await import('./get-several.ts');
        process.exitCode = await getSeveral(keys, flags, early);
      } else {
        const { get } = await import('./get.ts');
        process.exitCode = await get(key, flags, early);
      }
    });

  program
    .command('verify')
    .description('check a file against the root of an object')
    .argument('<file>', 'the file')
    .requiredOption('--root <sha256:hex>', 'the Merkle root it should have')
    .option('--json', 'one JSON object that says how it ended')
    .action(async (file: string, flags: VerifyFlags) => {
      const { verify } = await import('./verify.ts');
      process.exitCode = await verify(file, flags);
    });

  program
    .command('routes')
    .description('look at every route and say how good it is, and why')
    .argument('[key]', 'an object: the beginning of it is fetched over each route alone, to measure what it carries')
    .option('--route <name=baseurl>', 'a route; repeat for each', collect)
    .option('--config <file>', 'YAML file with routes')
    .option('--token-file <file>', 'file with a bearer token')
    .option('--ca <file>', "authorities (PEM) to trust on https routes, instead of the system's")
    .option('--client-cert <file>', 'certificate (PEM) for https routes that ask for one')
    .option('--client-key <file>', 'its private key (PEM)')
    .option('--bytes <count>', 'how much of the object', '2097152')
    .option('--timeout <seconds>', 'how long a route may take to answer', '5')
    .option('--no-memory', 'leave out what routes carried before')
    .option('--json', 'one JSON object per route and line')
    .addHelpText('after', examplesOf('routes'))
    .action(async (key: string | undefined, flags: RoutesFlags) => {
      const { routes } = await import('./routes.ts');
      process.exitCode = await routes(key, flags);
    });

  program
    .command('origin')
    .description('serve a folder of objects')
    .option('--dir <dir>', 'folder with the objects')
    .option('--listen <host:port>', 'where to listen')
    .option('--admin <host:port>', 'where to serve /metrics, /livez, /readyz')
    .option('--state <dir>', 'where the hash index and the signing key live')
    .option(
      '--token-keys <file>',
      'JWKS with the keys that sign tokens; repeat for each; without it everybody may read',
      collect,
    )
    .option('--config <file>', 'YAML file with all of this and more; flags win over it')
    .option(...LOG_LEVEL)
    .option(...LOG_FORMAT)
    .addHelpText('after', examplesOf('origin'))
    .action(async (flags) => {
      const { originMain } = await import('../../origin/main.ts');
      process.exitCode = await originMain(flags);
    });

  program
    .command('relay')
    .description('forward requests to named upstreams')
    .option('--listen <host:port>', 'where to listen')
    .option('--upstream <name=baseurl>', 'an origin or relay this relay may reach; repeat for each', collect)
    .option('--admin <host:port>', 'where to serve /metrics, /livez, /readyz')
    .option('--token-keys <file>', 'JWKS with the keys that sign tokens; repeat for each', collect)
    .option('--insecure-open', 'serve anybody, without tokens')
    .option('--config <file>', 'YAML file with all of this and more; flags win over it')
    .option(...LOG_LEVEL)
    .option(...LOG_FORMAT)
    .addHelpText('after', examplesOf('relay'))
    .action(async (flags) => {
      const { relayMain } = await import('../../relay/main.ts');
      process.exitCode = await relayMain(flags);
    });

  program
    .command('proxy')
    .description('split the requests of programs that know nothing of it: an HTTP proxy and a gateway on this machine')
    .option('--listen <host:port>', 'where to listen', '127.0.0.1:3128')
    .option('--origin <url>', 'a web origin whose objects are split over the routes; repeat for each', collect)
    .option('--route <name=baseurl>', 'a route; repeat for each', collect)
    .option('--config <file>', 'YAML file with origins and routes')
    .option('--origin-key <file>', "the origin's public key (JWK)")
    .option('--token-file <file>', 'file with a bearer token')
    .option('--ca <file>', "authorities (PEM) to trust on https routes, instead of the system's")
    .option('--client-cert <file>', 'certificate (PEM) for https routes that ask for one')
    .option('--client-key <file>', 'its private key (PEM)')
    .option('--allow-host <name>', 'one more name under which the gateway may be asked; repeat for each', collect)
    .option('--admin <host:port>', 'where to serve /metrics, /livez, /readyz')
    .option('--drain <time>', 'how long what is under way may take when it is told to end (default: 20s)')
    .option('--insecure-open', 'listen beyond this machine')
    .option(...LOG_LEVEL)
    .option(...LOG_FORMAT)
    .option('--ui [address]', 'a page to watch and steer transfers, on HOST:PORT or unix:PATH of this machine')
    .addHelpText('after', examplesOf('proxy'))
    .action(async (flags: ProxyFlags) => {
      const { proxy } = await import('./proxy.ts');
      process.exitCode = await proxy(flags);
    });

  const config = program.command('config').description('look at configuration files');
  const role = ['--role <client|relay|origin>', 'whose file it is'] as const;
  config
    .command('check')
    .description('name every mistake of a configuration file')
    .argument('<file>', 'YAML file')
    .requiredOption(...role)
    .option('--files', 'read the files that it names as well: keys, certificates, tokens, the served folder')
    .option('--effective', 'show what is in force, defaults and environment included, and where it was said')
    .action(async (file: string, flags: CheckFlags) => {
      const { checkConfig } = await import('./config.ts');
      process.exitCode = await checkConfig(file, flags);
    });
  config
    .command('schema')
    .description('print the JSON Schema (draft-07) of a configuration file, for editors')
    .requiredOption(...role)
    .action(async (flags: CheckFlags) => {
      const { printSchema } = await import('./config.ts');
      process.exitCode = await printSchema(flags);
    });

  program
    .command('keygen')
    .description('make a pair of keys that sign and check tokens')
    .requiredOption('--out <name>', 'writes NAME.private.jwk and NAME.public.jwks; never overwrites')
    .option('--kid <name>', 'name of the key in tokens (default: from the key itself)')
    .action(async (flags: KeygenFlags) => {
      const { keygen } = await import('./keygen.ts');
      process.exitCode = await keygen(flags);
    });

  program
    .command('token')
    .description('issue a token for relays and origins')
    .requiredOption('--key <file>', 'private key made by heddle keygen')
    .option('--for <time>', 'how long it is good for', '1h')
    .option('--audience <name>', 'who may accept it; repeat for each (default: relays and origins)', collect)
    .option('--subject <name>', 'its holder: tokens of one subject share their limits')
    .option('--upstream <name>', 'an upstream it is good for; repeat for each (default: all)', collect)
    .option('--prefix <text>', 'what keys must begin with; repeat for each (default: all keys)', collect)
    .option('--max-sessions <count>', 'sessions and requests at one time')
    .option('--max-rate <rate>', 'bytes per second, such as 10MB/s or 100Mbit/s')
    .option('--max-bytes <size>', 'bytes in all, until it expires')
    .option('--out <file>', 'replaces this file with it instead of printing it')
    .action(async (flags: TokenFlags) => {
      const { token } = await import('./token.ts');
      process.exitCode = await token(flags);
    });

  program
    .command('completion')
    .description('print what makes a shell complete commands, flags and files')
    .argument('<bash|zsh|fish>', 'the shell')
    .addHelpText('after', examplesOf('completion'))
    .action(async (shell: string) => {
      const { completion } = await import('./completion.ts');
      process.exitCode = completion(shell, program);
    });

  program
    .command('demo')
    .description('an origin, three unlike relays and a download, all on this machine')
    .option('--size <megabytes>', 'size of the object', '48')
    .option('--no-faults', 'do not slow one relay and kill another')
    .action(async (flags) => {
      const { demo } = await import('./demo.ts');
      process.exitCode = await demo(flags);
    });
  return program;
}

/** Runs the command that the arguments name and sets the exit code. */
export async function run(early?: EarlyDials): Promise<void> {
  const program = commandLine(early);
  outliveReaders();
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = error instanceof CommanderError ? misused(error, program) : failed(error);
  } finally {
    early?.[Symbol.dispose]();
  }
}

/** The arguments were not understood, or asked for help or the version, which is said already. */
function misused({ code, exitCode, message }: CommanderError, program: Command): number {
  if (exitCode === 0) return 0;
  if (code !== 'commander.help') {
    const usage = new HeddleError('usage', message.replace(/^error: /, '').replaceAll(/\s+/g, ' '));
    const get = program.commands.find((command) => command.name() === 'get');
    const { json, output } = get?.opts<Partial<GetFlags>>() ?? {};
    if (json !== true) complain(usage);
    else (output === '-' ? process.stderr : process.stdout).write(`${JSON.stringify(errorLine(usage))}\n`);
  }
  return exitCodeOf('usage');
}
