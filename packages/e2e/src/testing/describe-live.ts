import { describe, test } from 'vitest';
import { isBuilt, type Program } from '../load-balancer/program.js';
import { missingPrerequisites } from '../prerequisites.js';

const missing = missingPrerequisites();

/**
 * `describe` for tests that need network namespaces. Where these, or `program`, cannot be had it says why, and fails under CI.
 */
export function describeLive(title: string, tests: () => void, program?: Program): void {
  const lacking = program && !isBuilt(program) ? [...missing, `${program.command.at(-1)} (made by pnpm build)`] : missing;
  if (lacking.length === 0) {
    describe(title, tests);
    return;
  }
  const reason = `needs ${lacking.join('; ')}`;
  console.warn(`${title}: ${reason}`);
  if (process.env.CI) {
    test(title, () => {
      throw new Error(reason);
    });
  } else {
    describe.skip(`${title}: ${reason}`, tests);
  }
}
