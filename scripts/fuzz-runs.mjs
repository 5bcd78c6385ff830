// For every test with fast-check: FUZZ_FACTOR=20 runs each property 20 times as often, see core/src/testing/runs.ts.
// A failure prints the seed; FUZZ_SEED=… repeats it.
import fc from 'fast-check';

/** fast-check's own default. */
const RUNS = 100;

function fromEnvironment(name, minimum) {
  const text = process.env[name];
  if (!text) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < minimum) throw new RangeError(`${name}=${text}: must be a whole number from ${minimum}`);
  return value;
}

const factor = fromEnvironment('FUZZ_FACTOR', 1);
const seed = fromEnvironment('FUZZ_SEED', -(2 ** 31));

if (factor !== undefined || seed !== undefined) {
  fc.configureGlobal({ ...(seed !== undefined && { seed }), numRuns: RUNS * (factor ?? 1) });
}
