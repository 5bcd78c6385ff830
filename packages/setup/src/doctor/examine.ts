import type { Facts } from './facts.js';
import { checkFastPath } from './fast-path-check.js';
import type { Finding, Status } from './finding.js';
import { checkCapabilities, checkKernel, checkPrograms } from './kernel-checks.js';
import { checkLegacy } from './legacy-check.js';
import { checkLoadBalancers } from './load-balancer-check.js';
import { checkMarks } from './mark-check.js';
import { checkForwarding, checkOffload, checkReversePathFilter, checkTunDevices } from './network-checks.js';
import { checkPrivileges } from './privilege-check.js';
import { checkDrops, checkListeners, checkQueueRules } from './queue-checks.js';
import { checkSetUp } from './set-up-check.js';
import { checkTables } from './table-check.js';
import { checkTargets } from './target-check.js';
import { checkDefragmentation } from './tracking-check.js';
import { checkVips } from './vip-check.js';

/** Judges the facts. */
export function examine(facts: Facts): Finding[] {
  return [
    ...checkKernel(facts),
    checkCapabilities(facts),
    checkPrograms(facts),
    ...checkForwarding(facts),
    checkReversePathFilter(facts),
    checkOffload(facts),
    ...checkTunDevices(facts),
    checkDefragmentation(facts),
    checkSetUp(facts),
    ...checkLegacy(facts),
    checkQueueRules(facts),
    ...checkMarks(facts),
    checkListeners(facts),
    checkDrops(facts),
    ...checkLoadBalancers(facts),
    ...checkPrivileges(facts),
    ...checkFastPath(facts),
    checkTables(facts),
    ...checkVips(facts),
    ...checkTargets(facts),
  ];
}

/** A line for each finding, and a summary. */
export function report(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.map(
    ({ status, check, text, remedy }) =>
      `${status.padEnd(7)}  ${check.padEnd(width)}  ${text}${remedy === undefined ? '' : ` → ${remedy}`}`,
  );
  const count = (status: Status): number => findings.filter((finding) => finding.status === status).length;
  const plural = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
  return `${[...lines, `${plural(count('problem'), 'problem')}, ${plural(count('warning'), 'warning')}`].join('\n')}\n`;
}
