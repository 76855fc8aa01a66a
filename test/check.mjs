// `npm test`: formatting, lint, types, unused code, then the tests, and those that need a Docker engine, where there is one.
// Arguments go to vitest, which then runs alone (`npm test -- test/protocol`).
// The tests run even where a check fails, and what failed is said once more at the end. Plain JavaScript, because it
// must also start under a Node that is too old for the rest, to say so.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Name of the npm script, what it checks, and what to do when it fails. */
const CHECKS = [
  ['format:check', 'formatting', 'run `npm run format`'],
  ['lint', 'lint', 'see the lines of oxlint above'],
  ['typecheck', 'types', 'see the lines of tsc above'],
  ['unused', 'unused files, exports, dependencies', 'see the lines of knip above'],
];

const root = fileURLToPath(new URL('..', import.meta.url));

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const pinned = manifest.devDependencies.node;
if (Number.parseInt(process.versions.node, 10) < Number.parseInt(pinned, 10)) {
  console.error(
    `this is Node ${process.version}, the checkout needs ${pinned}: run \`npm ci\` without --ignore-scripts ` +
      '(the package "node" installs the runtime), then `npm test`',
  );
  process.exit(1);
}

const environment = { ...process.env, PATH: join(root, 'node_modules/.bin') + delimiter + (process.env.PATH ?? '') };
const failures = [];

for (const [script, what, advice] of CHECKS) {
  const begun = performance.now();
  const passed = run(manifest.scripts[script]);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(passed ? `check passed: ${what} (${seconds} s)` : `CHECK FAILED: ${what}: ${advice}`);
  if (!passed) failures.push(`${what}: ${advice}`);
}

const given = process.argv.slice(2);
if (!run([manifest.scripts['test:unit'], ...given.map(quoted)].join(' '))) failures.push('tests: see above');
if (given.length === 0 && !run(manifest.scripts['test:containers'])) failures.push('container tests: see above');
for (const failure of failures) console.error(`CHECK FAILED: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;

/** @param {string} command */
function run(command) {
  return spawnSync(command, { cwd: root, env: environment, shell: true, stdio: 'inherit' }).status === 0;
}

/** @param {string} argument */
function quoted(argument) {
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}
