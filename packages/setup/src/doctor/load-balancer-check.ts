import type { Facts } from './facts.js';
import { type Finding, ok, problem, warning } from './finding.js';

/** Whether the load balancers running here answer, are healthy, and have tables that can still be changed. */
export function checkLoadBalancers({ loadBalancers }: Facts): Finding[] {
  const check = 'load balancers';
  if (loadBalancers.length === 0) return [];
  const findings = loadBalancers.flatMap(({ queue, status, why }): Finding[] => {
    const who = `the load balancer of queue ${queue}`;
    if (status === undefined) return [problem(check, `${who} does not answer: ${why}`, 'see its log; restart it')];
    const { problems, degradations = [], tables, command } = status;
    const deleted = tables.filter(({ present }) => !present).map(({ name }) => name);
    return [
      ...(problems.length > 0 ? [problem(check, `${who} is not healthy: ${problems.join('; ')}`, 'see its log; restart it')] : []),
      ...degradations.map(({ subject, problems: why, seconds }) =>
        warning(check, `${who} (${command}): ${subject}: ${why.join('; ')}, for ${seconds} s`, 'mend that; it goes on by itself'),
      ),
      ...deleted.map((name) =>
        warning(
          check,
          `${who} (${command}) uses table ${name}, which was deleted: its targets cannot be changed`,
          `nfqlb init --shm=${name}`,
        ),
      ),
    ];
  });
  return findings.length > 0 ? findings : [ok(check, `${loadBalancers.length} running, healthy`)];
}
