import { isBuilt, type Program } from '../load-balancer/program.js';
import { missingPrerequisites } from '../prerequisites.js';
import { describeUnless } from './describe-unless.js';

/**
 * `describe` for tests that need network namespaces. Where these, or `program`, cannot be had it says why, and fails under CI.
 *
 * @param more programs that these tests need besides, and their Debian packages
 */
export function describeLive(title: string, tests: () => void, program?: Program, more: Readonly<Record<string, string>> = {}): void {
  const missing = missingPrerequisites(more);
  const lacking = program && !isBuilt(program) ? [...missing, `${program.command.at(-1)} (made by pnpm build)`] : missing;
  describeUnless(lacking.length === 0 ? undefined : lacking.join('; '), title, tests);
}
