/**
 * How `nfqlb down` recognizes what `nfqlb up` created: by marks on the objects themselves, so that it removes all of them and
 * nothing else, even if a program was killed halfway. There is one set-up per network namespace; `up` replaces an earlier one.
 *
 * - iptables and ip6tables: all chains with the names below, and every rule that jumps to one.
 * - policy rules and routes: all with the protocol number below.
 */

/** An iptables table that contains our chains. */
export type TableName = 'filter' | 'nat' | 'mangle';

/** In every table: the chain that the built-in chains jump to. */
export const CHAIN = 'NFQLB';

/** In the table `nat`: the chain for POSTROUTING. */
export const MASQUERADE_CHAIN = 'NFQLB-SOURCE';

export const OWN_CHAINS: readonly string[] = [CHAIN, MASQUERADE_CHAIN];

/** Marks our rules and routes in the kernel (`RTA_PROTOCOL`, `FRA_PROTOCOL`). Not assigned in `linux/rtnetlink.h`. */
export const PROTOCOL = 142;

/** Priority of our policy rules: after `local` (0), before `main` (32766) and before rules that are numbered automatically. */
export const RULE_PRIORITY = 14_200;

/** Metric of the route that remains when a target's own is gone, for example because its device went down. */
export const FALLBACK_METRIC = 14_200;

/**
 * The routing table for a fwmark: fwmark + 1420000000, so 1420000101 for fwmark 101. This avoids the kernel's tables (253 to 255)
 * and numbers that people are likely to use. At most 3567483647; a table number has 32 bits.
 */
export function routingTable(fwmark: number): number {
  return 1_420_000_000 + fwmark;
}
