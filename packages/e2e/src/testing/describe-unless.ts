import { describe, test } from 'vitest';

/** `describe`, unless something is missing: then prints what and skips; fails under CI. */
export function describeUnless(missing: string | undefined, title: string, tests: () => void): void {
  if (missing === undefined) {
    describe(title, tests);
    return;
  }
  const reason = `needs ${missing}`;
  console.warn(`${title}: ${reason}`);
  if (process.env.CI) {
    test(title, () => {
      throw new Error(reason);
    });
  } else {
    describe.skip(`${title}: ${reason}`, tests);
  }
}
