import { engineProblem } from '../docker/engine.js';
import { describeUnless } from './describe-unless.js';

const problem = engineProblem();

/** `describe` for tests that need Docker. Without it, prints why and skips; fails under CI. */
export function describeDocker(title: string, tests: () => void): void {
  describeUnless(problem, title, tests);
}
