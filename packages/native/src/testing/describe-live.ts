import { describe, test } from 'vitest';
import { missingForQueues } from './namespace.js';

const missing = missingForQueues();

/** `describe` for tests that need network namespaces. If they are not available, it prints why, and fails under CI. */
export function describeLive(title: string, tests: () => void): void {
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
