/**
 * How `nfqlb down` knows what `nfqlb up` has set up: it is written on the things themselves, so that nothing is forgotten and
 * nothing else taken away, also when a program was killed halfway. There is one set-up in a network namespace; `up`
 * replaces the one before.
 *
 * - iptables and ip6tables: all chains with the names below, and every rule that leads to one.
 * - policy rules and routes: all with the protocol number below.
 */

/** A table of iptables that chains of ours are in. */
export type TableName = 'filter' | 'nat' | 'mangle';

/** In every table: the chain that its built-in chains lead to. */
export const CHAIN = 'NFQLB';

/** In the table `nat`: the chain for what leaves. */
export const MASQUERADE_CHAIN = 'NFQLB-SOURCE';

export const OWN_CHAINS: readonly string[] = [CHAIN, MASQUERADE_CHAIN];

/** Who made a rule or a route, to the kernel (`RTA_PROTOCOL`, `FRA_PROTOCOL`). Not assigned by `linux/rtnetlink.h`. */
export const PROTOCOL = 142;

/** Priority of every rule: behind `local` (0), before the `main` table (32766) and before what gets a number by itself. */
export const RULE_PRIORITY = 14_200;

/** Metric of the route that is left when a target's own has gone, as when its device goes down. */
export const FALLBACK_METRIC = 14_200;

/**
 * The routing table for a fwmark: 1420000000 above it, so that table 1420000101 is that of fwmark 101, and none is one of the
 * kernel's (253 to 255) or of those that people number by hand. At most 3567483647; a table number has 32 bits.
 */
export function routingTable(fwmark: number): number {
  return 1_420_000_000 + fwmark;
}
