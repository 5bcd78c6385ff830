import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Vitest leaves a CPU free, of which two-CPU machines have none to spare.
const WORKERS = availableParallelism();
// Light files keep a CPU half busy.
const LIGHT_WORKERS = Math.max(2, Math.ceil(WORKERS * 1.5));

// Live tests with so little traffic that several files can run at a time: each topology has namespaces and shared memory of its own. What
// takes their time is programs that start, and waiting. Not here: tests that measure times or speeds, or send so much that a busy machine loses it.
const LIGHT = [
  ...['bench/*', 'bench/report/*', 'discovery/*', 'docs/*', 'examples/*', 'faults/faults', 'health/protocols', 'install/*'],
  ...['matrix/*', 'monitoring/*', 'network/*', 'package/*', 'pictures/*', 'processes/*', 'regress/*'],
  ...['run/ordinary-user', 'run/undisturbed', 'setup/*'],
  ...['applications', 'apply', 'explain', 'flow-encapsulation', 'flow-refusals', 'garbage', 'gateway'].map(
    (name) => `load-balancer/${name}`,
  ),
  ...['log', 'metrics', 'queue-status', 'readme', 'takeover-steps', 'trace', 'trust'].map((name) => `load-balancer/${name}`),
  ...['tier/consistency', 'tier/frr', 'tier/takeover', 'top/*', 'topology/*'],
].map((name) => `packages/e2e/src/${name}.test.ts`);

// Tests run from the sources: the private export condition leads to src/ instead of dist/.
const source = { resolve: { conditions: ['@nfqlb/source'] }, ssr: { resolve: { conditions: ['@nfqlb/source'] } } };

export default defineConfig({
  test: {
    // The second prints and saves the behaviour matrix if tests of it have run.
    reporters: ['default', './packages/e2e/src/matrix/reporter.ts'],
    projects: [
      {
        ...source,
        // Tests that start threads or programs are slow on a busy machine.
        test: {
          name: 'unit',
          include: [
            'packages/{core,fuzz,captures,options,health,discovery,configuration,protocol,fast-path,daemon,setup,sim,testing,cli}/**/*.test.ts',
            'scripts/*.test.mjs',
          ],
          exclude: ['**/node_modules/**', '**/*.live.test.ts'],
          setupFiles: ['scripts/fuzz-runs.mjs'],
          maxWorkers: WORKERS,
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        ...source,
        // In separate processes: tests count their descriptors, mappings and signals.
        test: {
          name: 'native',
          include: ['packages/native/src/**/*.test.ts'],
          pool: 'forks',
          maxWorkers: WORKERS,
          // Some compile the addon, and all of them also run under AddressSanitizer.
          testTimeout: 120_000,
          hookTimeout: 30_000,
        },
      },
      {
        ...source,
        test: {
          name: 'light',
          include: LIGHT,
          // In separate processes, which get signals, and after the other projects, which keep the CPUs busy.
          pool: 'forks',
          maxWorkers: LIGHT_WORKERS,
          // Tests of one file, where it says so.
          maxConcurrency: 3,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        ...source,
        test: {
          name: 'live',
          include: ['packages/e2e/src/**/*.test.ts', 'packages/*/src/**/*.live.test.ts'],
          exclude: ['packages/e2e/src/docker/**', ...LIGHT],
          // One file at a time: packets lost for lack of CPU prove nothing.
          pool: 'forks',
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        ...source,
        test: {
          name: 'docker',
          include: ['packages/e2e/src/docker/**/*.test.ts'],
          globalSetup: 'packages/e2e/src/docker/project-setup.ts',
          pool: 'forks',
          fileParallelism: false,
          sequence: { groupOrder: 3 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
