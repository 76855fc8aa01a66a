// The last step of `npm run build`: makes one file of all that a usual `heddle get` needs, because finding, reading and
// linking a hundred modules takes longer than fetching a small object; and one of what its entry needs. All other modules stay
// as tsc wrote them, and whatever is imported on demand is imported from there.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { rolldown } from 'rolldown';

const CLIENT = join(import.meta.dirname, 'dist/client');
/** A module that there is only here, and what it exports. */
const GETTER = '\0getter';
const GETTER_EXPORTS = `export { dialEarly } from './commands/early.js';
export { getNow } from './commands/get-now.js';
`;
const BEYOND_ASCII = /[^\0-\x7f]/g;

await bundle(GETTER, 'cjs', 'get-now.cjs', transformGetter);
await bundle(join(CLIENT, 'cli.js'), 'esm', 'cli.js');

/** Writes what `entry` imports, itself included, as one file in the folder of the client. */
async function bundle(entry, format, name, transform = () => null) {
  const build = await rolldown({
    input: entry,
    platform: 'node',
    plugins: [{ name: 'heddle', resolveId, load, transform }],
  });
  const { output } = await build.generate({ format, minify: true, codeSplitting: false });
  await build.close();
  const [{ code }, ...others] = output;
  if (others.length > 0) throw new Error(`${name} should be one file, and there is ${others[0].fileName} too`);
  // a single character beyond doubles what the text takes in memory
  const text = code.replaceAll(BEYOND_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  writeFileSync(join(CLIENT, name), text);
}

/** What is not ours is not put in. */
function resolveId(source, importer, { kind }) {
  if (source === GETTER) return source;
  if (!source.startsWith('.')) return importer === undefined ? null : { id: source, external: true };
  const id = join(importer === GETTER ? CLIENT : dirname(importer), source);
  const isOnDemand = kind === 'dynamic-import' && id !== join(CLIENT, 'begin-get.js');
  return isOnDemand ? { id: `./${relative(CLIENT, id)}`, external: true } : id;
}

function load(id) {
  return id === GETTER ? GETTER_EXPORTS : readFileSync(id, 'utf8');
}

/** A module that names something beside itself still finds it there; such a script cannot `import()` (compiled-script.ts). */
function transformGetter(code, id) {
  if (id === GETTER) return null;
  return code
    .replaceAll('import.meta.url', `new URL('./${relative(CLIENT, id)}', import.meta.url).href`)
    .replaceAll(/\bimport\('([^']+)'\)/g, (_, name) => {
      const place = name.startsWith('.') ? `./${relative(CLIENT, join(dirname(id), name))}` : name;
      return `(async () => requireBeside('${place}'))()`;
    });
}
