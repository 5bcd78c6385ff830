/**
 * The policy rules and routes of set-ups with `dsr`: each fwmark has its own routing table, which routes everything to the
 * target. Lines are for `ip -batch`.
 */
import { FALLBACK_METRIC, PROTOCOL, RULE_PRIORITY, routingTable } from './ownership.js';
import type { Family, SetUp } from './set-up.js';

/** Our policy rules and routes of one family. */
export interface SavedRoutes {
  /** Policy rules: fwmark → table. */
  readonly rules: readonly PolicyRule[];
  /** Numbers of the tables that contain our routes. */
  readonly tables: readonly number[];
  /** What they say, such as `1420000101 via 192.168.1.1`. */
  readonly routes: readonly string[];
}

export interface PolicyRule {
  readonly priority: number;
  readonly fwmark: number;
  readonly table: number;
}

/** Output of `ip -N -json rule show`, only the fields used here. Numbers are strings, the fwmark in hex; `-N` disables names. */
interface RuleJson {
  readonly priority: number;
  readonly fwmark?: string;
  readonly table?: string;
  readonly protocol?: string;
}

/** Output of `ip -N -json route show`, only the fields used here. */
interface RouteJson {
  readonly table: string;
  readonly gateway?: string;
  /** Absent for a route to another machine. A number or, as other versions of `ip` have it despite `-N`, a name. */
  readonly type?: string;
}

/** `RTN_UNREACHABLE` of linux/rtnetlink.h. */
const UNREACHABLE = '7';

/**
 * @param rules output of `ip -N -json rule show`
 * @param routes output of `ip -N -json route show table all protocol 142`
 */
export function parseSavedRoutes(rules: string, routes: string): SavedRoutes {
  const ruleList = JSON.parse(rules || '[]') as RuleJson[];
  const routeList = JSON.parse(routes || '[]') as RouteJson[];
  return {
    rules: ruleList
      .filter(({ protocol }) => protocol === String(PROTOCOL))
      .map(({ priority, fwmark, table }) => ({ priority, fwmark: Number(fwmark), table: Number(table) })),
    tables: [...new Set(routeList.map(({ table }) => Number(table)))],
    routes: routeList.map(({ table, type, gateway }) => `${table} ${nameOf(type) ?? `via ${gateway}`}`),
  };
}

function nameOf(type: string | undefined): string | undefined {
  return type === UNREACHABLE ? 'unreachable' : type;
}

/** What {@link addRoutes} makes. */
export function wantedRoutes(setUps: readonly SetUp[], family: Family): SavedRoutes {
  const wanted = wantedRules(setUps, family);
  return {
    rules: wanted.map(({ rule }) => rule),
    tables: wanted.map(({ rule }) => rule.table),
    routes: wanted.flatMap(({ rule, address }) => [`${rule.table} via ${address}`, `${rule.table} unreachable`]),
  };
}

/** Lines that add the rules and routes of set-ups. Existing routes are replaced. */
export function addRoutes(setUps: readonly SetUp[], family: Family, saved: SavedRoutes): string[] {
  return wantedRules(setUps, family).flatMap(({ rule, address }) => [
    `route replace default via ${address} table ${rule.table} protocol ${PROTOCOL}`,
    // A packet with the target's fwmark goes to the target or nowhere: otherwise the lookup would go on to the main table.
    `route replace unreachable default metric ${FALLBACK_METRIC} table ${rule.table} protocol ${PROTOCOL}`,
    ...(saved.rules.some((other) => isSame(other, rule)) ? [] : [`rule add ${formatRule(rule)}`]),
  ]);
}

/** Lines that remove our rules and routes that no set-up needs; without set-ups, all of them. */
export function removeRoutes(saved: SavedRoutes, family: Family, setUps: readonly SetUp[] = []): string[] {
  const wanted = wantedRules(setUps, family).map(({ rule }) => rule);
  const rules = saved.rules.filter((rule) => !wanted.some((other) => isSame(other, rule)));
  const tables = saved.tables.filter((table) => !wanted.some((rule) => rule.table === table));
  return [
    ...rules.map((rule) => `rule delete ${formatRule(rule)}`),
    ...tables.map((table) => `route flush table ${table} protocol ${PROTOCOL}`),
  ];
}

/** One rule for each fwmark: a target may be in several tables. */
function wantedRules(setUps: readonly SetUp[], family: Family): { rule: PolicyRule; address: string }[] {
  const targets = setUps.flatMap(({ mode, vips, targets: all }) => (mode === 'dsr' && vips[family].length > 0 ? all : []));
  return targets
    .filter(({ fwmark }, i) => targets.findIndex((other) => other.fwmark === fwmark) === i)
    .map(({ fwmark, addresses }) => ({
      rule: { priority: RULE_PRIORITY, fwmark, table: routingTable(fwmark) },
      address: addresses[family]!,
    }));
}

function formatRule({ priority, fwmark, table }: PolicyRule): string {
  return `priority ${priority} fwmark ${fwmark} table ${table} protocol ${PROTOCOL}`;
}

function isSame(a: PolicyRule, b: PolicyRule): boolean {
  return a.priority === b.priority && a.fwmark === b.fwmark && a.table === b.table;
}
