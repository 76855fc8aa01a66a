// What `vitest run` runs: everything under test/ that is quick and needs nothing but this checkout. Suites that take
// minutes or an engine bring their own configuration beside them (`vitest run --config test/containers/vitest.config.ts`).
import { configDefaults, defineConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';
import { adviceFor } from './test/required-runtime.ts';

const advice = adviceFor(process.version);
if (advice !== undefined) throw new Error(advice);

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/{bench,chaos,containers,soak}/**'],
    environment: 'node',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 5_000,
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
  },
});

export default config;
