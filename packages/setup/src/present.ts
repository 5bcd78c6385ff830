import { type AttachedProgram, attachedPrograms } from '@nfqlb/fast-path';
import { PROTOCOL } from './ownership.js';
import { parseSavedRoutes, type SavedRoutes } from './policy-routes.js';
import { parseSavedRules, type SavedRules } from './saved-rules.js';
import { FAMILIES, type Family } from './set-up.js';
import { SetupError } from './setup-error.js';
import { runProgram } from './step.js';

/** Our packet rules and routes of one family. */
export interface PresentFamily {
  readonly rules: SavedRules;
  readonly routes: SavedRoutes;
}

export interface Present extends Readonly<Record<Family, PresentFamily>> {
  /** Programs of `nfqlb lb --fast` at interfaces of this network namespace. */
  readonly programs: readonly AttachedProgram[];
}

/** A machine without a set-up. */
export const NOTHING_PRESENT: Present = {
  4: { rules: new Map(), routes: { rules: [], tables: [], routes: [] } },
  6: { rules: new Map(), routes: { rules: [], tables: [], routes: [] } },
  programs: [],
};

/** The iptables program of a family. */
export function iptables(family: Family): string {
  return family === 4 ? 'iptables' : 'ip6tables';
}

/**
 * Reads our rules and routes in this network namespace. There are none for a family that the kernel does not support.
 *
 * @throws {@link SetupError}
 */
export function readPresent(): Present {
  const [four, six] = FAMILIES.map(readFamily);
  return { 4: four!, 6: six!, programs: programsHere() };
}

/** Those of other network namespaces are none of ours, and those of deleted interfaces do nothing. */
export function programsHere(): AttachedProgram[] {
  return attachedPrograms().filter((program) => program.interface !== undefined);
}

function readFamily(family: Family): PresentFamily {
  try {
    const rules = parseSavedRules(runProgram([`${iptables(family)}-save`]));
    const show = (...words: string[]): string => runProgram(['ip', `-${family}`, '-N', '-json', ...words]);
    return { rules, routes: parseSavedRoutes(show('rule', 'show'), show('route', 'show', 'table', 'all', 'protocol', String(PROTOCOL))) };
  } catch (error) {
    if (family === 6 && error instanceof SetupError && /not supported/.test(error.message)) return NOTHING_PRESENT[6];
    if (error instanceof SyntaxError) {
      throw new SetupError('command-failed', `ip -json does not print JSON (${error.message}): ip must be the one from iproute2`, {
        cause: error,
      });
    }
    throw error;
  }
}
