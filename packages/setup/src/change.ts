import { hasCapability, readPrivileges } from '@nfqlb/native';
import { Option, UsageError } from '@nfqlb/options';
import { NOTHING_PRESENT, type Present, readPresent } from './present.js';
import { SetupError } from './setup-error.js';
import { execute, formatStep, isPartlyDone, type Step, stepAsJson } from './step.js';

export interface ChangeOptions {
  /** Print the commands instead of running them. */
  readonly dryRun: boolean;
  /** Print them as JSON. */
  readonly json: boolean;
}

/** The option `--json` of `up` and `down`. */
export function planInJson(): Option {
  return new Option('--json', 'with --dry-run: as a JSON array of programs with their input, and of sysctls');
}

/** @throws {@link UsageError} without `--dry-run`: then there is nothing to print */
export function checkPlanInJson({ dryRun, json }: ChangeOptions): void {
  if (json && !dryRun) throw new UsageError('invalid-value', 'needs --dry-run', { option: '--json' });
}

/**
 * Executes the steps of `plan` in order.
 *
 * @param plan returns the steps for the present state
 * @returns whether anything was changed
 * @throws {@link SetupError} when a step fails; the remaining steps are not executed
 */
export function change(plan: (present: Present) => readonly Step[], { dryRun, json }: ChangeOptions): boolean {
  if (dryRun) {
    const steps = plan(presentIfReadable());
    process.stdout.write(json ? `${JSON.stringify(steps.map(stepAsJson))}\n` : steps.map(formatStep).join(''));
    return false;
  }
  if (!hasCapability(readPrivileges().effective, 'CAP_NET_ADMIN')) {
    throw new SetupError('not-permitted', 'needs the capability CAP_NET_ADMIN: run it as root, a container with --cap-add=NET_ADMIN');
  }
  const steps = plan(readPresent());
  for (const [done, step] of steps.entries()) {
    try {
      execute(step);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      const remains = remainsOf(steps.slice(0, done), step, error);
      if (remains === undefined) throw error;
      throw new SetupError(error.code, `${error.message}; ${remains}, nfqlb down takes all away`, { cause: error, line: error.line });
    }
  }
  return steps.length > 0;
}

/**
 * Tells whether changes were made that `nfqlb down` removes. Nothing is rolled back here: after an earlier set-up, its rules and
 * routes cannot be told from the new ones.
 */
function remainsOf(done: readonly Step[], failed: Step, error: SetupError): string | undefined {
  const isChanged = done.some(({ kind }) => kind !== 'sysctl') || isPartlyDone(failed, error);
  if (isChanged === undefined) return 'changes may have been made before it';
  return isChanged ? 'the changes before it were made' : undefined;
}

/** For a dry run without the rights to read the state, assumes that nothing is set up. */
function presentIfReadable(): Present {
  try {
    return readPresent();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`# assuming that nothing is set up yet: ${error.message}\n`);
    return NOTHING_PRESENT;
  }
}
