// `node --import heddle/register app.js`: intercepts the requests of a program that knows nothing of it. HEDDLE_CONFIG
// names the configuration file; what is wrong with it ends the program before it begins, with one line.
import './older-node.ts';
import { asHeddleError, exitCodeOf, HeddleError } from '../protocol/errors.ts';
import { complain } from './commands/terminal.ts';
import { clientWishes, controlWishes } from './config.ts';
import type { RunningControl } from './control.ts';
import { configuredSites } from './intercept/configuration.ts';
import { install } from './interceptor.ts';

try {
  const file = process.env['HEDDLE_CONFIG'];
  if (file === undefined || file === '') {
    throw new HeddleError(
      'bad-configuration',
      'HEDDLE_CONFIG names no configuration file; set it to one with "origins"',
    );
  }
  const origins = await configuredSites(file);
  if (origins.length === 0) {
    throw new HeddleError('bad-configuration', `${file} names no "origins", so that nothing would be intercepted`);
  }
  const { admin } = await clientWishes(file);
  if (admin !== undefined) {
    const { startMetrics } = await import('./metrics.ts');
    // the second of two programs goes without: that they run matters more
    await startMetrics(admin).catch((error: unknown) => complain(asHeddleError(error)));
  }
  const control = await controlWishes({ config: file });
  let opened: RunningControl | undefined;
  if (control.listen !== undefined) {
    const { startControl } = await import('./control.ts');
    opened = await startControl({ ...control, keepsRunning: false }).catch((error: unknown) => {
      complain(asHeddleError(error));
      return undefined;
    });
    if (opened !== undefined) process.stderr.write(`heddle: ${opened.line}\n`);
  }
  const tracked = opened === undefined ? {} : { transfers: opened.transfers };
  install({ origins: origins.map((origin) => ({ ...origin, ...tracked })) });
} catch (error) {
  const known = asHeddleError(error);
  complain(known);
  // oxlint-disable-next-line unicorn/no-process-exit -- an error thrown here would be a stack trace to the user
  process.exit(exitCodeOf(known.code));
}
