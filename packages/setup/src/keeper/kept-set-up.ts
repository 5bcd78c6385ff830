import { few } from '@nfqlb/options';
import { planDown, planUp, wantedBy } from '../plan.js';
import { type Present, readPresent } from '../present.js';
import type { SetUp } from '../set-up.js';
import { SetupError } from '../setup-error.js';
import { execute, type Step } from '../step.js';
import { deviations } from './deviations.js';
import { differences, linesOf } from './lines.js';

/** How a set-up is, after somebody has looked or changed it. */
export interface KeptState {
  /** What somebody else has removed or added since the last look, and was put back or removed; a rule or route each. */
  readonly repaired: readonly string[];
  /** Why it is not whole; empty if it is. */
  readonly problems: readonly string[];
}

/** The kernel, for tests to replace. */
export interface Kernel {
  readonly read: () => Present;
  readonly execute: (step: Step) => void;
}

/** How often a set-up is made before it is a problem that the kernel shows another one. */
const TRIES = 3;

/**
 * Makes rules and routes, and puts them right when somebody else has changed them. What the kernel shows after they were made, if it is what was
 * asked for, is what it must show later, to the letter.
 */
export class KeptSetUp {
  readonly #kernel: Kernel;
  #wanted: readonly SetUp[] = [];
  #keepsFormer = false;
  /** What the kernel is to show; `undefined` if the set-up is not whole. */
  #shown: readonly string[] | undefined;

  constructor(kernel: Kernel = { read: readPresent, execute }) {
    this.#kernel = kernel;
  }

  /**
   * Makes the machine have these, and no others. A target that cannot be reached keeps none of the others from being set up.
   *
   * @param keepsFormer leaves the ways to targets that are in no set-up, such as those of an earlier program
   */
  establish(setUps: readonly SetUp[], keepsFormer = false): KeptState {
    this.#wanted = setUps;
    this.#keepsFormer = keepsFormer;
    this.#shown = undefined;
    const repaired: string[] = [];
    for (let tries = 1, present = this.#kernel.read(); ; tries++) {
      const problems = this.#executeAll(planUp(setUps, present, keepsFormer));
      if (problems.length > 0) return { repaired: [], problems };
      const shown = this.#kernel.read();
      // Between the change and this look, somebody else may have changed it again.
      const lacking = deviations(wantedBy(setUps, present, keepsFormer), shown, keepsFormer);
      if (lacking.length === 0) {
        this.#shown = linesOf(shown);
        return { repaired, problems: [] };
      }
      if (tries === TRIES) return { repaired: [], problems: [othersThanAskedFor(lacking)] };
      repaired.push(...lacking);
      present = shown;
    }
  }

  /** Puts right what somebody else has changed, and tries again what failed. */
  look(): KeptState {
    const before = this.#shown;
    const changed = before ? differences(before, linesOf(this.#kernel.read())) : [];
    if (before && changed.length === 0) return { repaired: [], problems: [] };
    const { repaired, problems } = this.establish(this.#wanted, this.#keepsFormer);
    return { repaired: problems.length === 0 ? [...new Set([...changed, ...repaired])] : [], problems };
  }

  remove(): KeptState {
    this.#wanted = [];
    this.#shown = undefined;
    return { repaired: [], problems: this.#executeAll(planDown(this.#kernel.read())) };
  }

  #executeAll(steps: readonly Step[]): string[] {
    return steps.flatMap((step) => {
      try {
        this.#kernel.execute(undeterred(step));
        return [];
      } catch (error) {
        if (!(error instanceof SetupError) || error.code !== 'command-failed') throw error;
        return [error.message];
      }
    });
  }
}

function othersThanAskedFor(lacking: readonly string[]): string {
  return `rules and routes were made ${TRIES} times, and the kernel shows others than asked for: ${few(lacking)}; stop the program that changes them`;
}

/** Without -force, `ip` stops at the first line that fails: then one target without a route would be the end of those after it. */
function undeterred(step: Step): Step {
  if (step.kind !== 'program' || step.command[0] !== 'ip') return step;
  const [program, ...args] = step.command;
  return { ...step, command: [program, '-force', ...args] };
}
