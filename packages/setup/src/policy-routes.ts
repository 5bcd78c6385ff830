/**
 * The policy rules and routes of a set-up with `dsr`: a fwmark leads to a routing table of its own, in which everything goes to
 * the target. Lines are for `ip -batch`.
 */
import { FALLBACK_METRIC, PROTOCOL, RULE_PRIORITY, routingTable } from './ownership.js';
import type { Family, SetUp } from './set-up.js';

/** What of ours one family has. */
export interface SavedRoutes {
  /** Policy rules: fwmark → table. */
  readonly rules: readonly PolicyRule[];
  /** Numbers of the tables that routes of ours are in. */
  readonly tables: readonly number[];
}

export interface PolicyRule {
  readonly priority: number;
  readonly fwmark: number;
  readonly table: number;
}

/** What `ip -N -json rule show` writes, as far as it is used. Numbers are strings, the fwmark in hex; `ip -N` names nothing. */
interface RuleJson {
  readonly priority: number;
  readonly fwmark?: string;
  readonly table?: string;
  readonly protocol?: string;
}

/**
 * @param rules what `ip -N -json rule show` has written
 * @param routes what `ip -N -json route show table all protocol 142` has written
 */
export function parseSavedRoutes(rules: string, routes: string): SavedRoutes {
  const ruleList = JSON.parse(rules || '[]') as RuleJson[];
  const routeList = JSON.parse(routes || '[]') as { readonly table: string }[];
  return {
    rules: ruleList
      .filter(({ protocol }) => protocol === String(PROTOCOL))
      .map(({ priority, fwmark, table }) => ({ priority, fwmark: Number(fwmark), table: Number(table) })),
    tables: [...new Set(routeList.map(({ table }) => Number(table)))],
  };
}

/** Lines that add what a set-up wants. A route that leads elsewhere is replaced. */
export function addRoutes(setUp: SetUp, family: Family, saved: SavedRoutes): string[] {
  return wantedRules(setUp, family).flatMap(({ rule, address }) => [
    `route replace default via ${address} table ${rule.table} protocol ${PROTOCOL}`,
    // A packet with the target's fwmark goes to the target or nowhere: else the main table would get it.
    `route replace unreachable default metric ${FALLBACK_METRIC} table ${rule.table} protocol ${PROTOCOL}`,
    ...(saved.rules.some((other) => isSame(other, rule)) ? [] : [`rule add ${words(rule)}`]),
  ]);
}

/** Lines that take away what of ours a set-up does not want; all of it without one. */
export function removeRoutes(saved: SavedRoutes, family: Family, setUp?: SetUp): string[] {
  const wanted = setUp ? wantedRules(setUp, family).map(({ rule }) => rule) : [];
  const rules = saved.rules.filter((rule) => !wanted.some((other) => isSame(other, rule)));
  const tables = saved.tables.filter((table) => !wanted.some((rule) => rule.table === table));
  return [
    ...rules.map((rule) => `rule delete ${words(rule)}`),
    ...tables.map((table) => `route flush table ${table} protocol ${PROTOCOL}`),
  ];
}

function wantedRules({ mode, vips, targets }: SetUp, family: Family): { rule: PolicyRule; address: string }[] {
  if (mode !== 'dsr' || vips[family].length === 0) return [];
  return targets.map(({ fwmark, addresses }) => ({
    rule: { priority: RULE_PRIORITY, fwmark, table: routingTable(fwmark) },
    address: addresses[family]!,
  }));
}

function words({ priority, fwmark, table }: PolicyRule): string {
  return `priority ${priority} fwmark ${fwmark} table ${table} protocol ${PROTOCOL}`;
}

function isSame(a: PolicyRule, b: PolicyRule): boolean {
  return a.priority === b.priority && a.fwmark === b.fwmark && a.table === b.table;
}
