import { isBuilt, type Program } from '../load-balancer/program.js';
import { missingPrerequisites } from '../prerequisites.js';
import { describeUnless } from './describe-unless.js';

/**
 * `describe` for tests that need network namespaces. Without these or `program`, prints why and skips; fails under CI.
 *
 * @param more additional programs that these tests need, and their Debian packages
 */
export function describeLive(title: string, tests: () => void, program?: Program, more: Readonly<Record<string, string>> = {}): void {
  const missing = missingPrerequisites(more);
  const allMissing = program && !isBuilt(program) ? [...missing, `${program.command.at(-1)} (built by pnpm build)`] : missing;
  describeUnless(allMissing.length === 0 ? undefined : allMissing.join('; '), title, tests);
}
