// Which Node the checkout needs, and what to do where it is an older one. vitest.config.ts refuses to start by it,
// because vitest under Node 20 fails without a word; runtime.test.ts asserts it.

/** The major version that the pinned runtime has (package.json, devDependencies.node). */
export const OLDEST_MAJOR = 26;

/** What to do when `version` is too old, undefined when it is not. */
export function adviceFor(version: string): string | undefined {
  if (Number(version.replace(/^v/, '').split('.')[0]) >= OLDEST_MAJOR) return undefined;
  return (
    `this is Node ${version}, the checkout needs ${OLDEST_MAJOR} or newer: run \`npm ci\` without --ignore-scripts ` +
    '(the package "node" installs the runtime), then `npm test`; outside npm scripts put node_modules/.bin first in PATH'
  );
}
