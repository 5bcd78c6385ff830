import { walk } from '../path/chain-walk.js';
import { parseChains } from '../path/saved-chains.js';
import { describeOutcome } from '../path/way-to-queue.js';
import { FAMILIES } from '../set-up.js';
import type { Facts } from './facts.js';
import { type Finding, problem, warning } from './finding.js';
import { destination, waysToQueues } from './shadow-check.js';

/** iptables-legacy rules beside those of nf_tables: both apply, but each program shows only its own. Empty if there are none. */
export function checkLegacy({ savedRules, legacyRules }: Facts): Finding[] {
  const check = 'legacy rules';
  const count = FAMILIES.flatMap((family) => legacyRules[family].split('\n').filter((line) => line.startsWith('-A '))).length;
  const ways = waysToQueues({ savedRules });
  const twice = waysToQueues({ savedRules: legacyRules }).find(({ family }) => ways.some((way) => way.family === family));
  const dropped = ways.map(({ family, vip }) => droppedBy(legacyRules[family], vip)).find((rule) => rule !== undefined);
  const remedy = 'keep the rules of one of the two: iptables-legacy-save shows the others, iptables-legacy -t TABLE -F removes them';
  if (twice) return [problem(check, `iptables-legacy and nf_tables both send packets to a queue: each packet is queued twice`, remedy)];
  if (dropped !== undefined)
    return [problem(check, `iptables-legacy drops packets to VIPs, which iptables does not show (${dropped})`, remedy)];
  if (count > 0)
    return [
      warning(check, `${count} rules of iptables-legacy are in force beside those of nf_tables; iptables does not show them`, remedy),
    ];
  return [];
}

/** The rule or policy that drops forwarded packets to a VIP. */
function droppedBy(saved: string, vip: string | undefined): string | undefined {
  const tables = parseChains(saved);
  const packet = { ...destination(vip), isForwarded: true };
  for (const chains of tables.values()) {
    for (const hook of ['PREROUTING', 'FORWARD']) {
      const end = walk(chains, hook, packet).at(-1);
      if (end?.what === 'drop') return describeOutcome(end);
    }
  }
  return undefined;
}
