// The suite that needs a Docker engine: one file after another, for two cores carry one set of containers at a time.
// Nothing here is decided by time but hangs, and those generously.
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = defineConfig({
  test: {
    root: join(import.meta.dirname, '../..'),
    include: ['test/containers/**/*.test.ts'],
    globalSetup: [join(import.meta.dirname, 'global-setup.ts')],
    environment: 'node',
    pool: 'forks',
    fileParallelism: false,
    // what is left behind is removed by its label: no container of somebody else's does that here
    env: { TESTCONTAINERS_RYUK_DISABLED: 'true' },
    testTimeout: 300_000,
    hookTimeout: 300_000,
    teardownTimeout: 60_000,
  },
});

export default config;
