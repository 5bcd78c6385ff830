import { planDown, planUp } from '../plan.js';
import { iptables, type Present, readPresent } from '../present.js';
import { FAMILIES, type SetUp } from '../set-up.js';
import { SetupError } from '../setup-error.js';
import { execute, type Step } from '../step.js';

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

/**
 * Makes rules and routes, and puts them right when somebody else has changed them. What the kernel shows after they were made is what it must show
 * later: it writes rules in its own way.
 */
export class KeptSetUp {
  readonly #kernel: Kernel;
  #wanted: readonly SetUp[] = [];
  #keepsFormer = false;
  /** What the kernel is to show; `undefined` if the set-up is not whole. */
  #shown: ReadonlySet<string> | undefined;

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
    const { read } = this.#kernel;
    const problems = this.#executeAll(planUp(setUps, read(), keepsFormer));
    this.#shown = problems.length === 0 ? shownBy(read()) : undefined;
    return { repaired: [], problems };
  }

  /** Puts right what somebody else has changed, and tries again what failed. */
  look(): KeptState {
    const shown = shownBy(this.#kernel.read());
    const before = this.#shown;
    const repaired = before ? differences(before, shown) : [];
    if (before && repaired.length === 0) return { repaired, problems: [] };
    const { problems } = this.establish(this.#wanted, this.#keepsFormer);
    return { repaired: problems.length === 0 ? repaired : [], problems };
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

/** Without -force, `ip` stops at the first line that fails: then one target without a route would be the end of those after it. */
function undeterred(step: Step): Step {
  if (step.kind !== 'program' || step.command[0] !== 'ip') return step;
  const [program, ...args] = step.command;
  return { ...step, command: [program, '-force', ...args] };
}

/** Our rules and routes as the kernel shows them, a line each. Identical lines are numbered. */
function shownBy(present: Present): Set<string> {
  const lines = FAMILIES.flatMap((family) => {
    const { rules, routes } = present[family];
    return [
      ...[...rules].flatMap(([table, { jumps, rules: own }]) =>
        [...jumps, ...own].map((rule) => `${iptables(family)} -t ${table} -A ${rule}`),
      ),
      ...routes.rules.map(({ fwmark, table }) => `ip -${family} rule fwmark ${fwmark} table ${table}`),
      ...routes.routes.map((route) => `ip -${family} route in table ${route}`),
    ];
  });
  return new Set(lines.map((line, i) => (lines.indexOf(line) === i ? line : `${line} (${i})`)));
}

/** Rules and routes that are missing, and those that nobody here has made. The order of rules does not count. */
function differences(before: ReadonlySet<string>, now: ReadonlySet<string>): string[] {
  const missing = [...before].filter((line) => !now.has(line)).map((line) => `missing: ${line}`);
  const added = [...now].filter((line) => !before.has(line)).map((line) => `added: ${line}`);
  return [...missing, ...added];
}
