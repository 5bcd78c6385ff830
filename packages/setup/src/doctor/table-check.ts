import { FAMILIES } from '../set-up.js';
import type { Facts, TableFacts } from './facts.js';
import { type Finding, ok, problem, unknown, warning } from './finding.js';
import { anyRulesAreReadable } from './queue-rules.js';

// For root without full access, as in a container.
const SEE_FILES = 'run nfqlb doctor with CAP_DAC_OVERRIDE';
const SEE_PROCESSES = 'run nfqlb doctor where it sees all processes: with CAP_SYS_PTRACE, and in a container with --pid=host';

/** Whether there are tables with reachable targets. It is a problem if a running load balancer loses packets. */
export function checkTables(facts: Facts): Finding {
  const check = 'tables';
  if (facts.tables === undefined) return unknown(check, 'what is in /dev/shm cannot be read', facts, SEE_FILES);
  const here = facts.tables.filter(({ usedBy }) => usedBy === 'here');
  const tables = here.length > 0 ? here : facts.tables.filter(({ usedBy }) => usedBy !== 'elsewhere');
  // Without a load balancer, nothing is lost yet.
  const judge = here.length > 0 ? problem : warning;
  if (tables.length === 0) return warning(check, 'no target table is in /dev/shm, or only those of other network namespaces', 'nfqlb init');
  const empty = tables.filter(({ active }) => active.length === 0).map(({ name }) => name);
  if (empty.length > 0) {
    const others = facts.tables
      .filter(({ active, usedBy }) => active.length > 0 && usedBy !== 'here' && usedBy !== 'elsewhere')
      .map(({ name }) => name);
    const hint =
      here.length > 0 && others.length > 0 ? `; targets are active in ${others.join(', ')}, which no load balancer here uses` : '';
    const text = `no target is active in ${empty.join(', ')}: packets are dropped${hint}`;
    return judge(check, text, empty.map((name) => `nfqlb activate --shm=${name} FWMARK…`).join('; '));
  }
  const unmarked = tables.filter(({ active }) => active.includes(0));
  if (unmarked.length > 0) {
    const text = `fwmark 0 is active, but a packet with mark 0 counts as not balanced and is dropped (${lossIn(unmarked, (fwmark) => fwmark === 0)})`;
    return judge(check, text, unmarked.map(({ name }) => `nfqlb deactivate --shm=${name} 0`).join('; '));
  }
  const leadsNowhere = (fwmark: number, { ownFwmark }: TableFacts): boolean => fwmark !== ownFwmark && !isRouted(fwmark, facts);
  const lossy = tables.filter((table) => table.active.some((fwmark) => leadsNowhere(fwmark, table)));
  if (lossy.length > 0) {
    if (!anyRulesAreReadable(facts)) return unknown(check, 'the packet rules cannot be read', facts);
    const text = `active fwmarks that no rule or route leads to a target: their packets go where the VIP is routed (${lossIn(lossy, leadsNowhere)})`;
    return judge(check, text, 'nfqlb up with FWMARK=ADDRESS for each, or nfqlb deactivate');
  }
  if (tables.some(({ usedBy }) => usedBy === 'unknown')) return unknown(check, 'who uses the tables cannot be seen', facts, SEE_PROCESSES);
  return ok(check, tables.map(({ name, M, N, active }) => `${name} (M=${M}, N=${N}, ${active.length} active)`).join(', '));
}

/** `web: 1, 10; 66.7% of connections`: the fwmarks that lose packets, and their share of each table's buckets. */
function lossIn(tables: readonly TableFacts[], loses: (fwmark: number, table: TableFacts) => boolean): string {
  return tables
    .map((table) => {
      const lost = table.active.filter((fwmark) => loses(fwmark, table));
      const buckets = lost.reduce((sum, fwmark) => sum + (table.buckets.get(fwmark) ?? 0), 0);
      return `${table.name}: ${lost.join(', ')}, ${((100 * buckets) / table.M).toFixed(1)}% of connections`;
    })
    .join('; ');
}

/** Whether a policy rule whose table has a route, or a packet rule, matches a fwmark. */
function isRouted(fwmark: number, { policyRules, savedRules, nftRules }: Facts): boolean {
  if (FAMILIES.some((family) => policyRules[family].some((rule) => rule.fwmark === fwmark && rule.leads))) return true;
  const texts = [...FAMILIES.map((family) => savedRules[family]), nftRules].filter((text) => text !== undefined);
  // iptables writes 0x1, nft 0x00000001.
  const mark = new RegExp(`\\bmark (?:(?:set|==) )?0x0*${fwmark.toString(16)}\\b`);
  return texts.some((text) => mark.test(text));
}
