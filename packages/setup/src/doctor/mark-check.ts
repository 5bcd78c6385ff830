import type { Facts } from './facts.js';
import { type Finding, ok, problem, unknown, warning } from './finding.js';
import { nftQueueChains, preroutingChains } from './nft-chains.js';
import { anyRulesAreReadable } from './queue-rules.js';
import { findMarkChanges, type MarkChange, waysToQueues } from './shadow-check.js';

/** Hook priority of the iptables table mangle. */
const MANGLE = -150;

/** Whether a packet still has its fwmark when it is routed: other programs may use marks, too. */
export function checkMarks(facts: Facts): Finding[] {
  const check = 'fwmarks';
  if (!anyRulesAreReadable(facts)) return [unknown(check, 'the packet rules cannot be read', facts)];
  const changes = [...findMarkChanges(facts), ...nftMarkChanges(facts)];
  const remedy = 'let that rule leave packets to VIPs alone, or marks that are not 0';
  const certain = changes.find(({ isCertain }) => isCertain);
  if (certain) return [problem(check, `overwritten behind the queue, so that packets go astray (${certain.rule})`, remedy)];
  const [possible] = changes;
  if (possible) return [warning(check, `of some packets may be overwritten behind the queue (${possible.rule})`, remedy)];
  return waysToQueues(facts).length > 0 ? [ok(check, 'no rule behind the queue changes them')] : [];
}

function nftMarkChanges(facts: Facts): MarkChange[] {
  const queues = nftQueueChains(facts);
  const after = Math.min(...(waysToQueues(facts).length > 0 ? [MANGLE] : []), ...queues.map(({ priority }) => priority));
  return preroutingChains(facts)
    .filter(({ priority }) => priority > after)
    .flatMap(({ lines }) => lines.filter((line) => /\bmark set\b/.test(line)))
    .map((rule) => ({ rule, isCertain: /^(?:counter packets \d+ bytes \d+ )?(?:meta mark set|mark set) [^{]*$/.test(rule) }));
}
