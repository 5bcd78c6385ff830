import { CHAIN } from '../ownership.js';
import { iptables } from '../present.js';
import { parseSavedRules } from '../saved-rules.js';
import { FAMILIES } from '../set-up.js';
import type { Facts } from './facts.js';
import { type Finding, ok, problem, warning } from './finding.js';

/** Whether what `nfqlb up` has set up is whole. */
export function checkSetUp({ savedRules, policyRules }: Facts): Finding {
  const check = 'set-up';
  const remedy = 'nfqlb up again, as before';
  const deserted = FAMILIES.flatMap((family) =>
    [...parseSavedRules(savedRules[family] ?? '')]
      .filter(([, { jumps }]) => jumps.length === 0)
      .map(([table]) => `${iptables(family)} -t ${table}: no rule leads to the chain ${CHAIN}`),
  );
  if (deserted.length > 0) return problem(check, deserted.join('; '), remedy);
  const own = FAMILIES.flatMap((family) => policyRules[family].filter((rule) => rule.own));
  const astray = own.filter(({ leads }) => !leads).map(({ fwmark }) => fwmark);
  if (astray.length > 0) {
    const text = `fwmark ${[...new Set(astray)].join(', ')}: the route to the target has gone, as it does when its device goes down`;
    return problem(check, text, remedy);
  }
  const isThere = FAMILIES.some((family) => parseSavedRules(savedRules[family] ?? '').size > 0);
  return ok(check, isThere ? 'what nfqlb up has set up is whole' : 'nothing of nfqlb up');
}

/** Whether there are tables, with targets in them that can be reached. */
export function checkTables(facts: Facts): Finding {
  const check = 'tables';
  const here = facts.tables.filter(({ usedBy }) => usedBy === 'here');
  const tables = here.length > 0 ? here : facts.tables.filter(({ usedBy }) => usedBy === 'nobody');
  if (tables.length === 0) return warning(check, 'no target table is in /dev/shm, or only those of other network namespaces', 'nfqlb init');
  const empty = tables.filter(({ active }) => active.length === 0).map(({ name }) => name);
  if (empty.length > 0) {
    const text = `no target is active in ${empty.join(', ')}: packets are dropped`;
    return warning(check, text, empty.map((name) => `nfqlb activate --shm=${name} FWMARK…`).join('; '));
  }
  const unknown = tables.flatMap(({ name, active }) => {
    const lost = active.filter((fwmark) => !isMentioned(fwmark, facts));
    return lost.length > 0 ? [`${name}: ${lost.join(', ')}`] : [];
  });
  if (unknown.length > 0) {
    const text = `active fwmarks that no rule leads to a target, so that their packets go where the VIP is routed (${unknown.join('; ')})`;
    return warning(check, text, 'nfqlb up with FWMARK=ADDRESS for each, or nfqlb deactivate');
  }
  return ok(check, tables.map(({ name, M, N, active }) => `${name} (M=${M}, N=${N}, ${active.length} active)`).join(', '));
}

/** Whether a policy rule or a packet rule asks for a fwmark. Where no rules can be read, all are supposed to be there. */
function isMentioned(fwmark: number, { policyRules, savedRules, nftRules }: Facts): boolean {
  if (FAMILIES.some((family) => policyRules[family].some((rule) => rule.fwmark === fwmark))) return true;
  const texts = [...FAMILIES.map((family) => savedRules[family]), nftRules].filter((text) => text !== undefined);
  if (texts.length === 0) return true;
  // iptables writes 0x1, nft 0x00000001.
  const mark = new RegExp(`\\bmark (?:(?:set|==) )?0x0*${fwmark.toString(16)}\\b`);
  return texts.some((text) => mark.test(text));
}
