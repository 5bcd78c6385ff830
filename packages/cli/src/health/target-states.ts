// What checks say of targets, in words; for `show`, `top` and `run --status`.

import type { Status, TableHealth, TargetHealth } from '@nfqlb/protocol/status';
import { duration } from '../written-numbers.js';

/** Why a target is not up, what its latest check found, and why it cannot be checked; empty if all is well. */
export function whyOf({ reason, lately, trouble }: TargetHealth): string {
  return [reason, lately && `lately ${lately}`, trouble && `cannot be checked: ${trouble}`].filter((part) => part !== '').join('; ');
}

/** `102 down for 0:00:12: 192.168.1.2: connection refused`. */
export function stateLine(target: TargetHealth): string {
  const { fwmark, state, since } = target;
  const why = whyOf(target);
  return `${fwmark} ${state} for ${duration(since)}${why === '' ? '' : `: ${why}`}`;
}

/** Whether there is something to say of it, beyond that it is in use. */
export function isRemarkable(target: TargetHealth): boolean {
  return !target.used || target.state === 'down' || target.state === 'damped' || whyOf(target) !== '';
}

/** A table's targets, as the first load balancer says that checks them. */
export function healthOfTable(statuses: readonly Status[], table: string): TableHealth | undefined {
  return statuses.flatMap(({ health = [] }) => health).find(({ name }) => name === table);
}
