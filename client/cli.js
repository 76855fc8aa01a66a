#!/usr/bin/env node
// The entry of the command line. Compiled code is cached between runs, which takes two thirds off the time to start;
// therefore everything else is imported after the cache is on. This file alone is JavaScript: `cli.ts` is a link to it,
// and Node goes by the name behind a link. The entry is loaded before any cache, and stripping types from one file alone
// takes Node longer (45 ms) than all the rest of the start.
import * as nodeModule from 'node:module';

const USAGE = 1;
const INTERRUPTED = 130;
const SERVERS = ['origin', 'relay', 'proxy'];
const FLUSH_MS = 3_000;

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 22)) {
  process.stderr.write(
    `heddle: Node ${process.version} is too old; it takes 22.22 or later (in a checkout: npm ci, then npx node client/cli.ts …)\n`,
  );
  process.exit(USAGE);
}
nodeModule.enableCompileCache();
if (major < 26) await import('./older-node.ts');
if (major < 24) {
  // Node 22 calls SQLite an experiment, on standard error, where people and programs look for mistakes
  const { emitWarning } = process;
  process.emitWarning = (...said) => {
    if (!String(said[0]).startsWith('SQLite is an experimental feature')) Reflect.apply(emitWarning, process, said);
  };
}
const args = process.argv.slice(2);
// a server that is killed would never write the cache: every start would cost what the first one does, memory too
if (SERVERS.includes(args[0] ?? '')) setTimeout(() => nodeModule.flushCompileCache?.(), FLUSH_MS).unref();
const begun =
  args[0] === 'get'
    ? await (await import('./begin-get.ts')).beginGet(args, nodeModule.getCompileCacheDir())
    : undefined;
if (begun?.done === undefined) {
  const { run } = await import('./commands/program.ts');
  await run(begun?.early);
} else if (await begun.done) {
  // taking everything down piece by piece would take longer than there is left to do
  process.exit();
}
// whoever is interrupted ends now: bytes on their way to a reader that does not read would keep the process for ever
if (process.exitCode === INTERRUPTED) process.exit();
