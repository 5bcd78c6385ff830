/**
 * Checks that the set-up of `nfqlb up` is complete. The arguments of `up` are not stored: what is missing follows from the rest, since
 * every VIP has a rule in each chain, every fwmark a target, and both families the same fwmarks.
 */
import { CHAIN, MASQUERADE_CHAIN, PROTOCOL, routingTable, type TableName } from '../ownership.js';
import { iptables } from '../present.js';
import { parseSavedRules, type SavedRules, type SavedTable } from '../saved-rules.js';
import { FAMILIES, type Family } from '../set-up.js';
import type { Facts } from './facts.js';
import { type Finding, ok, problem, unknown, warning } from './finding.js';
import { rulesAreReadable } from './queue-rules.js';

const CHECK = 'set-up';
const RERUN_UP = 'nfqlb up again, as before';
const RERUN_UP_OR_DOWN = `${RERUN_UP}, or nfqlb down, which takes all of it away`;

/** Whether the set-up of `nfqlb up` is complete. */
export function checkSetUp(facts: Facts): Finding {
  // Which targets belong to which VIP is not in the rules; the load balancer knows, and says itself what it cannot put right.
  const keeper = facts.loadBalancers.find(({ status }) => status?.keepsSetUp === true);
  if (keeper) return ok(CHECK, `the load balancer of queue ${keeper.queue} (nfqlb run) keeps it as its file says`);
  const unrouted = FAMILIES.flatMap((family) => facts.policyRules[family].filter(({ own, leads }) => own && !leads));
  const gone =
    unrouted.length > 0
      ? [
          `fwmark ${fwmarkList(unrouted.map(({ fwmark }) => fwmark))}: the route to the target has gone, as it does when its device goes down`,
        ]
      : [];
  if (FAMILIES.some((family) => !rulesAreReadable(facts, family))) {
    return gone.length > 0 ? problem(CHECK, gone.join(), RERUN_UP) : unknown(CHECK, 'the packet rules cannot be read', facts);
  }

  const parts = FAMILIES.map((family) => readPart(facts, family));
  const foreign = FAMILIES.flatMap((family) => incompatibleTables(facts, family));
  if (foreign.length > 0) {
    const text = `${foreign.join(', ')}: rules of nftables are in it, so that iptables can neither read nor change it`;
    const judge = parts.some(({ tables }) => tables.size > 0) ? problem : warning;
    return judge(CHECK, text, 'give rules of nftables a table of another name (nft list ruleset shows them)');
  }
  if (parts.every(({ tables, routed }) => tables.size === 0 && routed.length === 0)) return ok(CHECK, 'nothing of nfqlb up');

  const leftovers = parts.flatMap(describeLeftovers);
  const missing = [...gone, ...parts.flatMap(describeMissing), ...describeDifference(parts)];
  if (leftovers.length + missing.length === 0) return ok(CHECK, 'what nfqlb up has set up is whole');
  return problem(CHECK, [...missing, ...leftovers].join('; '), leftovers.length > 0 ? RERUN_UP_OR_DOWN : RERUN_UP);
}

/** The set-up of one family. */
interface Part {
  readonly family: Family;
  readonly tables: SavedRules;
  /** Fwmarks that policy rules match. */
  readonly asked: readonly number[];
  /** Fwmarks with a policy rule, or with a routing table that has our routes. */
  readonly routed: readonly number[];
  /** Fwmarks with address translation to a target. */
  readonly translated: readonly number[];
}

function readPart({ savedRules, policyRules, ownTables }: Facts, family: Family): Part {
  const tables = parseSavedRules(savedRules[family] ?? '');
  const asked = policyRules[family].filter(({ own }) => own).map(({ fwmark }) => fwmark);
  const routed = [...asked, ...ownTables[family].map((table) => table - routingTable(0)).filter((fwmark) => fwmark > 0)];
  const marks = (tables.get('nat')?.rules ?? []).flatMap((rule) => / -m mark --mark (\S+) /.exec(rule)?.[1] ?? []);
  return { family, tables, asked, routed: distinct(routed), translated: distinct(marks.map(Number)) };
}

/** Tables that iptables-save cannot show because of nftables rules in them. */
function incompatibleTables({ savedRules }: Facts, family: Family): string[] {
  const names = [...(savedRules[family] ?? '').matchAll(/^# Table `(\w+)' is incompatible/gm)].map(([, name]) => name);
  return names.map((name) => `${iptables(family)} -t ${name}`);
}

/** What `up` creates first and removes last, if it failed in between. */
function describeLeftovers({ family, tables, routed }: Part): string[] {
  if (routed.length === 0) return [];
  const what = `IPv${family}: policy rules or routes for fwmark ${fwmarkList(routed)} (protocol ${PROTOCOL})`;
  if (tables.size === 0) return [`${what} are there, but no packet rules, as when nfqlb up has failed`];
  return tables.has('nat') ? [`${what} are left of a set-up with --mode=dsr`] : [];
}

function describeMissing(part: Part): string[] {
  const { family, tables, asked, routed, translated } = part;
  if (tables.size === 0) return [];
  const names: TableName[] = ['filter', ...(tables.has('nat') ? (['nat'] as const) : []), 'mangle'];
  const vips = distinct([...tables.values()].flatMap(({ rules }) => rules.flatMap(vipOf)));
  const texts = names.flatMap((name) => {
    const table = tables.get(name);
    const where = `${iptables(family)} -t ${name}`;
    if (!table?.chains.includes(CHAIN)) return [`${where}: no chain ${CHAIN}`];
    return [
      ...missingJumps(name, table, isLocal(tables)),
      ...missingRules(name, table, vips, translated),
      ...(isSynOnly(tables) ? missingMarks(name, table, vips) : []),
    ].map((text) => `${where}: ${text}`);
  });
  if (tables.has('nat')) return texts;
  const unasked = routed.filter((fwmark) => !asked.includes(fwmark));
  if (unasked.length > 0) texts.push(`IPv${family}: no policy rule for fwmark ${fwmarkList(unasked)}`);
  if (routed.length === 0) texts.push(`IPv${family}: neither policy rules nor address translation lead fwmarks to targets`);
  return texts;
}

/** Whether packets come from programs here. */
function isLocal(tables: SavedRules): boolean {
  const jumps = [...tables.values()].flatMap((table) => table.jumps);
  return jumps.length > 0 && jumps.every((jump) => jump.startsWith('OUTPUT '));
}

function missingJumps(name: TableName, { chains, jumps }: SavedTable, local: boolean): string[] {
  if (jumps.length === 0) return [`no rule leads to the chain ${CHAIN}`];
  const forward = name === 'filter' ? ['FORWARD', 'INPUT'] : ['PREROUTING'];
  const wanted = (local ? ['OUTPUT'] : forward).map((hook) => [hook, CHAIN]);
  if (chains.includes(MASQUERADE_CHAIN)) wanted.push(['POSTROUTING', MASQUERADE_CHAIN]);
  return wanted
    .filter(([hook, chain]) => !jumps.includes(`${hook} -j ${chain}`))
    .map(([hook, chain]) => `no rule leads from ${hook} to the chain ${chain}`);
}

/** The action of each VIP's rules in a table. */
const ACTIONS: Readonly<Record<TableName, string>> = { filter: 'DROP', nat: 'DNAT', mangle: 'NFQUEUE' };

function missingRules(name: TableName, { chains, rules }: SavedTable, vips: readonly string[], translated: readonly number[]): string[] {
  const has = (chain: string, ...words: string[]): boolean =>
    rules.some((rule) => rule.startsWith(`${chain} `) && words.every((word) => `${rule} `.includes(` ${word} `)));
  const empty = chains.filter((chain) => !has(chain)).map((chain) => `the chain ${chain} is empty`);
  if (empty.length > 0) return empty;
  const without = (what: string, lacking: readonly (string | number)[]): string[] =>
    lacking.length > 0 ? [`no rule with -j ${what} ${lacking.join(', ')}`] : [];
  const action = ACTIONS[name];
  if (name === 'nat') {
    const marks = (chain: string, target: string, ...words: string[]): number[] =>
      translated.filter((fwmark) => !has(chain, ...words, `--mark 0x${fwmark.toString(16)}`, `-j ${target}`));
    return [
      ...vips.flatMap((vip) => without(`${action} for ${vip} and fwmark`, marks(CHAIN, action, `-d ${vip}`))),
      ...(chains.includes(MASQUERADE_CHAIN) ? without('MASQUERADE for fwmark', marks(MASQUERADE_CHAIN, 'MASQUERADE')) : []),
    ];
  }
  const isForFragments = (rule: string): boolean => / -m (?:u32|frag) /.test(rule);
  const served = (fragments: boolean): string[] =>
    rules.filter((rule) => isForFragments(rule) === fragments && `${rule} `.includes(` -j ${action} `)).flatMap(vipOf);
  const lacking = (fragments: boolean): string[] => vips.filter((vip) => !served(fragments).includes(vip));
  return [
    ...without(`${action} for`, lacking(false)),
    ...(served(true).length > 0 ? without(`${action} for fragments to`, lacking(true)) : []),
  ];
}

/** Whether connections keep their fwmark, so that only the first packet goes to the queue. */
function isSynOnly(tables: SavedRules): boolean {
  return [...tables.values()].some(({ rules }) => rules.some((rule) => / -m connmark | -j CONNMARK /.test(rule)));
}

/** Additional rules of such a set-up, for every VIP: save the fwmark, restore it, and use it. */
const MARK_RULES: Readonly<Record<TableName, readonly RegExp[]>> = {
  filter: [],
  nat: [/ -j CONNMARK --save-mark\b/],
  mangle: [/ -m connmark .*-j CONNMARK --restore-mark\b/, / -m connmark .*-j RETURN\b/],
};

function missingMarks(name: TableName, { rules }: SavedTable, vips: readonly string[]): string[] {
  return MARK_RULES[name].flatMap((pattern) => {
    const served = rules.filter((rule) => pattern.test(rule)).flatMap(vipOf);
    const lacking = vips.filter((vip) => !served.includes(vip));
    const [, action] = /-j ([\w -]+)/.exec(pattern.source)!;
    return lacking.length > 0 ? [`no rule with -j ${action} for ${lacking.join(', ')}, as --syn-only has it`] : [];
  });
}

/** The VIP of a rule in the chain for VIPs. */
function vipOf(rule: string): string[] {
  const [, vip] = new RegExp(`^${CHAIN} -d (\\S+) `).exec(rule) ?? [];
  return vip === undefined ? [] : [vip];
}

/** A fwmark is not tied to a family: it needs a target in each one in use. */
function describeDifference(parts: readonly Part[]): string[] {
  const marks = (part: Part): readonly number[] => [...part.routed, ...part.translated];
  const used = parts.filter((part) => marks(part).length > 0);
  return used.flatMap((part) => {
    const lacking = distinct(used.flatMap(marks)).filter((fwmark) => !marks(part).includes(fwmark));
    return lacking.length > 0 ? [`IPv${part.family}: nothing leads fwmark ${fwmarkList(lacking)} to a target`] : [];
  });
}

function fwmarkList(fwmarks: readonly number[]): string {
  return distinct(fwmarks)
    .sort((a, b) => a - b)
    .join(', ');
}

function distinct<T>(items: readonly T[]): T[] {
  return [...new Set(items)];
}
