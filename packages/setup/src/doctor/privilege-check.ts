import type { Facts } from './facts.js';
import { type Finding, ok, warning } from './finding.js';

/** What the load balancers that run here may do, and whether that is more than they need. */
export function checkPrivileges({ loadBalancers }: Facts): Finding[] {
  const check = 'privileges';
  return loadBalancers.flatMap(({ queue, status }) => {
    const { command, privileges } = status ?? {};
    // An older version does not say.
    if (!privileges) return [];
    const who = `the load balancer of queue ${queue} (${command})`;
    const { capabilities, unneeded, mayGain } = privileges;
    if (unneeded.length > 0)
      return [warning(check, `${who} still has ${unneeded.join(', ')}, which it does not need`, 'its log says why; let it call capset(2)')];
    if (mayGain) return [warning(check, `programs that ${who} starts may gain privileges`, 'its log says why; let it call prctl(2)')];
    return [ok(check, `${who} has ${capabilities.join(', ') || 'no capabilities'}, and can gain none`)];
  });
}
