import { withFormerTranslations } from './former-translations.js';
import { packetRules, type TableRules } from './packet-rules.js';
import { addRoutes, removeRoutes, wantedRoutes } from './policy-routes.js';
import { iptables, type Present, type PresentFamily } from './present.js';
import { restoreNothing, restoreWanted } from './restore-input.js';
import type { SavedTable } from './saved-rules.js';
import { FAMILIES, type Family, type SetUp } from './set-up.js';
import type { ProgramStep, Step } from './step.js';

/**
 * The steps from the present state to `setUps`, which are all that this machine has. A running set-up is replaced without a moment in which packets to a VIP are
 * misdirected: new routes come first, then the packet rules that use them, and unused routes are removed last.
 *
 * @param keepsFormer leaves the ways to targets that are in no set-up
 */
export function planUp(setUps: readonly SetUp[], present: Present, keepsFormer = false): ProgramStep[] {
  const rules = (family: Family): TableRules[] => wantedPacketRules(setUps, family, present, keepsFormer);
  return [
    ...FAMILIES.flatMap((family) => ip(family, addRoutes(setUps, family, present[family].routes))),
    ...FAMILIES.flatMap((family) => restore(family, restoreWanted(rules(family), present[family].rules))),
    ...(keepsFormer ? [] : FAMILIES.flatMap((family) => ip(family, removeRoutes(present[family].routes, family, setUps)))),
  ];
}

/** What there is after the steps of {@link planUp}, in the words of the plan: the kernel shows the same in its own. */
export function wantedBy(setUps: readonly SetUp[], present: Present, keepsFormer = false): Record<Family, PresentFamily> {
  const wanted = (family: Family): PresentFamily => ({
    rules: new Map(wantedPacketRules(setUps, family, present, keepsFormer).map((rules) => [rules.table, asSaved(rules)])),
    routes: wantedRoutes(setUps, family),
  });
  return { 4: wanted(4), 6: wanted(6) };
}

function wantedPacketRules(setUps: readonly SetUp[], family: Family, present: Present, keepsFormer: boolean): TableRules[] {
  const wanted = packetRules(setUps, family);
  return keepsFormer ? wanted.map((table) => withFormerTranslations(table, present[family].rules, setUps)) : wanted;
}

function asSaved({ chains, jumps }: TableRules): SavedTable {
  return { chains: [...chains.keys()], jumps, rules: [...chains].flatMap(([chain, rules]) => rules.map((rule) => `${chain} ${rule}`)) };
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
