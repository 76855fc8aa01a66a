// What `vitest run` runs: everything under test/ that is quick and needs nothing but this checkout. Suites that take
// minutes or an engine bring their own configuration beside them (`vitest run --config test/containers/vitest.config.ts`).
import { configDefaults, defineConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';
import { adviceFor } from './test/required-runtime.ts';

const advice = adviceFor(process.version);
if (advice !== undefined) throw new Error(advice);

/** Whole programs over links with real rates, one file after another: beside anything else they would measure that. */
const WHOLE = 'test/end-to-end';
const elsewhere = [...configDefaults.exclude, 'test/{bench,chaos,containers,soak}/**'];

const config: ViteUserConfig = defineConfig({
  test: {
    environment: 'node',
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 5_000,
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: [...elsewhere, `${WHOLE}/**`],
          maxWorkers: 2,
          setupFiles: ['test/seeded.ts'],
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'whole',
          include: [`${WHOLE}/**/*.test.ts`],
          exclude: elsewhere,
          maxWorkers: 1,
          // a machine that stands still for a moment in the middle of a transfer is no fault of the transfer
          retry: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

export default config;
