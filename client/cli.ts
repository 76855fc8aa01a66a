#!/usr/bin/env node
// The entry of the command line. Compiled code is cached between runs, which takes two thirds off the time to start;
// therefore everything else is imported after the cache is on.
import { enableCompileCache } from 'node:module';

const INTERRUPTED = 130;

enableCompileCache();
const args = process.argv.slice(2);
const early = args[0] === 'get' ? (await import('./commands/early.ts')).dialEarly(args) : undefined;
const { run } = await import('./commands/program.ts');
await run(early);
// whoever is interrupted ends now: bytes on their way to a reader that does not read would keep the process for ever
if (process.exitCode === INTERRUPTED) process.exit();
