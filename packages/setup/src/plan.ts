import { withFormerTranslations } from './former-translations.js';
import { packetRules, type TableRules } from './packet-rules.js';
import { addRoutes, removeRoutes } from './policy-routes.js';
import { iptables, type Present } from './present.js';
import { restoreNothing, restoreWanted } from './restore-input.js';
import { FAMILIES, type Family, type SetUp } from './set-up.js';
import type { ProgramStep, Step } from './step.js';

/**
 * The steps from the present state to `setUps`, which are all that this machine has. A running set-up is replaced without a moment in which packets to a VIP are
 * misdirected: new routes come first, then the packet rules that use them, and unused routes are removed last.
 *
 * @param keepsFormer leaves the ways to targets that are in no set-up
 */
export function planUp(setUps: readonly SetUp[], present: Present, keepsFormer = false): ProgramStep[] {
  const rules = (family: Family): TableRules[] => {
    const wanted = packetRules(setUps, family);
    return keepsFormer ? wanted.map((table) => withFormerTranslations(table, present[family].rules, setUps)) : wanted;
  };
  return [
    ...FAMILIES.flatMap((family) => ip(family, addRoutes(setUps, family, present[family].routes))),
    ...FAMILIES.flatMap((family) => restore(family, restoreWanted(rules(family), present[family].rules))),
    ...(keepsFormer ? [] : FAMILIES.flatMap((family) => ip(family, removeRoutes(present[family].routes, family, setUps)))),
  ];
}

/**
 * The steps that remove everything of ours; none if there is nothing. The kernel's program of a load balancer that runs is its own: it would put it
 * back.
 */
export function planDown(present: Present): Step[] {
  return [
    // First, so that all packets go to the queue while there is one.
    ...present.programs.filter(({ isManaged }) => !isManaged).map((program) => ({ kind: 'fast-path', program }) as const),
    ...FAMILIES.flatMap((family) => restore(family, restoreNothing(present[family].rules))),
    ...FAMILIES.flatMap((family) => ip(family, removeRoutes(present[family].routes, family))),
  ];
}

function restore(family: Family, input: readonly string[]): ProgramStep[] {
  return input.length === 0 ? [] : [{ kind: 'program', command: [`${iptables(family)}-restore`, '--wait', '--noflush'], input }];
}

function ip(family: Family, input: readonly string[]): ProgramStep[] {
  return input.length === 0 ? [] : [{ kind: 'program', command: ['ip', `-${family}`, '-batch', '-'], input }];
}
