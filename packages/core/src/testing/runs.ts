import fc from 'fast-check';

/** fast-check's own default. */
const DEFAULT_RUNS = 100;

/** How often to run a property that normally runs `count` times: more often if all do (`FUZZ_FACTOR`, scripts/fuzz-runs.mjs). */
export function runs(count: number): number {
  return Math.round((count * (fc.readConfigureGlobal().numRuns ?? DEFAULT_RUNS)) / DEFAULT_RUNS);
}
