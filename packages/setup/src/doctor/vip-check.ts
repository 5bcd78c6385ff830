import type { Facts } from './facts.js';
import { type Finding, problem } from './finding.js';

/** Whether the kernel routes packets to VIPs by their fwmark. Empty if it does. */
export function checkVips({ localVips, strayRoutes }: Facts): Finding[] {
  const check = 'VIPs';
  // The routing table `local` comes before any policy rule.
  if (localVips.length > 0) {
    const text = `${localVips.join(', ')}: an address of this machine, so that packets to it are delivered here, whatever their fwmark`;
    const remedy = `take it away here (${localVips.map((vip) => `ip address del ${vip} dev …`).join('; ')}), or nfqlb up --mode=nat`;
    return [problem(check, text, remedy)];
  }
  const [stray] = strayRoutes;
  if (!stray) return [];
  const others = strayRoutes.length > 1 ? `, and ${strayRoutes.length - 1} more` : '';
  const text = `packets to ${stray.vip} with fwmark ${stray.fwmark} go ${stray.goes}, not to their target${others}: another policy rule comes first`;
  return [problem(check, text, 'ip rule shows the order: give that rule a priority above 14200, or let it leave marked packets alone')];
}
