import { FAMILIES } from '../set-up.js';
import type { Facts } from './facts.js';
import { AS_ROOT, type Finding, ok, unknown, warning } from './finding.js';
import { anyRulesAreReadable } from './queue-rules.js';

/** Whether there are tables, with targets in them that can be reached. */
export function checkTables(facts: Facts): Finding {
  const check = 'tables';
  if (facts.tables === undefined) return unknown(check, 'what is in /dev/shm cannot be read', facts, AS_ROOT);
  const here = facts.tables.filter(({ usedBy }) => usedBy === 'here');
  const tables = here.length > 0 ? here : facts.tables.filter(({ usedBy }) => usedBy !== 'elsewhere');
  if (tables.length === 0) return warning(check, 'no target table is in /dev/shm, or only those of other network namespaces', 'nfqlb init');
  const empty = tables.filter(({ active }) => active.length === 0).map(({ name }) => name);
  if (empty.length > 0) {
    const text = `no target is active in ${empty.join(', ')}: packets are dropped`;
    return warning(check, text, empty.map((name) => `nfqlb activate --shm=${name} FWMARK…`).join('; '));
  }
  const unreachable = tables.flatMap(({ name, active }) => {
    const lost = active.filter((fwmark) => !isMentioned(fwmark, facts));
    return lost.length > 0 ? [`${name}: ${lost.join(', ')}`] : [];
  });
  if (unreachable.length > 0) {
    const text = `active fwmarks that no rule leads to a target, so that their packets go where the VIP is routed (${unreachable.join('; ')})`;
    if (!anyRulesAreReadable(facts)) return unknown(check, 'the packet rules cannot be read', facts);
    return warning(check, text, 'nfqlb up with FWMARK=ADDRESS for each, or nfqlb deactivate');
  }
  if (tables.some(({ usedBy }) => usedBy === 'unknown')) return unknown(check, 'who uses the tables cannot be seen', facts, AS_ROOT);
  return ok(check, tables.map(({ name, M, N, active }) => `${name} (M=${M}, N=${N}, ${active.length} active)`).join(', '));
}

/** Whether a policy rule or a packet rule asks for a fwmark. */
function isMentioned(fwmark: number, { policyRules, savedRules, nftRules }: Facts): boolean {
  if (FAMILIES.some((family) => policyRules[family].some((rule) => rule.fwmark === fwmark))) return true;
  const texts = [...FAMILIES.map((family) => savedRules[family]), nftRules].filter((text) => text !== undefined);
  // iptables writes 0x1, nft 0x00000001.
  const mark = new RegExp(`\\bmark (?:(?:set|==) )?0x0*${fwmark.toString(16)}\\b`);
  return texts.some((text) => mark.test(text));
}
