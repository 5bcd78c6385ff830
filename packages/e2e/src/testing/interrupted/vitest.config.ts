// A suite that clean-up.test.ts starts and ends in various ways.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@nfqlb/source'] },
  ssr: { resolve: { conditions: ['@nfqlb/source'] } },
  test: {
    include: ['packages/e2e/src/testing/interrupted/suite.ts'],
    globalSetup: 'packages/e2e/src/docker/project-setup.ts',
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
