import { CAP_NET_ADMIN, hasCapability, readCapabilities } from './capabilities.js';
import { NOTHING_PRESENT, type Present, readPresent } from './present.js';
import { SetupError } from './setup-error.js';
import { execute, formatStep, isPartlyDone, type Step } from './step.js';

export interface ChangeOptions {
  /** Print the commands instead of running them. */
  readonly dryRun: boolean;
}

/**
 * Makes the changes that `plan` says, one after the other.
 *
 * @param plan what to do about what is there
 * @returns whether there was anything to do, and it was done
 * @throws {@link SetupError} after the first that fails: the rest is not done
 */
export function change(plan: (present: Present) => readonly Step[], { dryRun }: ChangeOptions): boolean {
  if (dryRun) {
    process.stdout.write(plan(presentIfReadable()).map(formatStep).join(''));
    return false;
  }
  if (!hasCapability(readCapabilities(), CAP_NET_ADMIN)) {
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
 * What has been changed of what `nfqlb down` takes away. Nothing is undone here: with a set-up before this one, what was there
 * cannot be told from what is new.
 */
function remainsOf(done: readonly Step[], failed: Step, error: SetupError): string | undefined {
  const isMade = done.some(({ kind }) => kind === 'program') || isPartlyDone(failed, error);
  if (isMade === undefined) return 'changes may have been made before it';
  return isMade ? 'the changes before it were made' : undefined;
}

/** For a dry run it will do to suppose that nothing is there: who may not look shall see the commands all the same. */
function presentIfReadable(): Present {
  try {
    return readPresent();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`# supposing that nothing is set up yet: ${error.message}\n`);
    return NOTHING_PRESENT;
  }
}
