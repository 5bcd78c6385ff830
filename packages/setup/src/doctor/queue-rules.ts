import { FAMILIES, type Family } from '../set-up.js';
import type { Facts } from './facts.js';

/** All packet rules, as programs have written them. */
export type PacketRules = Pick<Facts, 'savedRules' | 'legacyRules' | 'nftRules' | 'iptablesVersion'>;

/** A rule that sends packets to queues. */
export interface QueueRule {
  /** `undefined` for a rule of nftables that is for both. */
  readonly family: Family | undefined;
  readonly first: number;
  readonly last: number;
  /** Packets pass when nobody listens. */
  readonly bypass: boolean;
  /** Only packets of programs on this machine get there. */
  readonly local: boolean;
  /** Only fragments get there. */
  readonly fragments: boolean;
  /** As it is written. */
  readonly text: string;
}

/** All that could be read, of iptables and of nftables. */
export function queueRules(facts: PacketRules): QueueRule[] {
  const { savedRules, legacyRules } = facts;
  const saved = (family: Family): string => `${savedRules[family] ?? ''}${legacyRules[family]}`;
  return [...FAMILIES.flatMap((family) => iptablesQueueRules(saved(family), family)), ...nftQueueRules(facts)];
}

/** Whether iptables’ rules of a family are known. A family that the kernel does not have has none. */
export function rulesAreReadable({ savedRules, sysctls }: Facts, family: Family): boolean {
  return savedRules[family] !== undefined || (family === 6 && sysctls.ipv6Forwarding === undefined);
}

/** Whether rules are known, of iptables or of nftables. */
export function anyRulesAreReadable({ savedRules, nftRules }: PacketRules): boolean {
  return savedRules[4] !== undefined || nftRules !== undefined;
}

function iptablesQueueRules(saved: string, family: Family): QueueRule[] {
  // Each table by itself: chains of two tables may have the same name.
  return saved.split(/^\*/m).flatMap((section) => {
    const lines = section.split('\n');
    return lines.filter((line) => / -j NFQUEUE\b/.test(line)).map((text) => iptablesQueueRule(text, lines, family));
  });
}

/** @param lines of the table that the rule is in */
function iptablesQueueRule(text: string, lines: readonly string[], family: Family): QueueRule {
  const [, first = '0', last = first] = /--queue-(?:num|balance) (\d+)(?::(\d+))?/.exec(text) ?? [];
  const chain = text.split(' ')[1]!;
  const callers = lines.map((line) => /^-A (\S+) (?:.* )?(?:-j|-g) (\S+)/.exec(line)).filter((match) => match?.[2] === chain);
  const hooks = callers.length > 0 ? callers.map((match) => match![1]) : [chain];
  return {
    family,
    first: Number(first),
    last: Number(last),
    bypass: text.includes('--queue-bypass'),
    local: hooks.every((hook) => hook === 'OUTPUT'),
    fragments: / -m (?:u32|frag) /.test(text),
    text,
  };
}

/** `queue`, `queue num 2`, `queue num 0-3 bypass`; from nft 1.0.1 on `queue to 2`, `queue flags bypass to 0-3`. */
const NFT_QUEUE = /\bqueue(?: flags [\w,]+)?(?: (?:num|to) (\d+)(?:-(\d+))?)?(?: [\w,]+)*$/;

/** `ip frag-off & 0x3fff != 0`, `frag …`, `exthdr frag exists`. */
const NFT_FRAGMENTS = /\bfrag(?:-off)?\b/;

function nftQueueRules(facts: PacketRules): QueueRule[] {
  return nativeTables(facts).flatMap(({ family, chains }) =>
    chains.flat().flatMap((text) => {
      const match = NFT_QUEUE.exec(text);
      if (!match) return [];
      const [, first = '0', last = first] = match;
      const bypass = /\bbypass\b/.test(match[0]);
      return [{ family, first: Number(first), last: Number(last), bypass, local: false, fragments: NFT_FRAGMENTS.test(text), text }];
    }),
  );
}

/** A table of nftables, without what is of iptables. */
export interface NativeTable {
  readonly family: Family | undefined;
  /** By chain. */
  readonly chains: readonly (readonly string[])[];
}

/**
 * What of `nft list ruleset` iptables-save does not show. The tables of iptables on nf_tables are in both; but one that has the name of
 * such a table may be made by nft, with rules that iptables does not know: then iptables-save leaves out the table, or else
 * those of its chains that are none of iptables. To iptables-legacy all are foreign.
 */
export function nativeTables({ savedRules, nftRules, iptablesVersion }: PacketRules): NativeTable[] {
  const isLegacy = iptablesVersion?.includes('legacy') ?? false;
  return [...(nftRules ?? '').matchAll(/^table (\S+) (\S+) \{\n([\s\S]*?)^\}/gm)].map(([, word, name, body]) => {
    const family = word === 'ip' ? 4 : word === 'ip6' ? 6 : undefined;
    const shown = family === undefined || isLegacy ? new Set() : chainsIn(savedRules[family] ?? '', name!);
    const chains = [...body!.matchAll(/^\tchain (\S+) \{\n([\s\S]*?)^\t\}/gm)].filter(([, chain]) => !shown.has(chain));
    return { family, chains: chains.map(([, , rules]) => rules!.split('\n').map((line) => line.trim())) };
  });
}

/** @param saved what iptables-save has written: chains as in `:INPUT ACCEPT [0:0]` */
function chainsIn(saved: string, table: string): ReadonlySet<unknown> {
  const section = saved.split(/^\*/m).find((text) => text.startsWith(`${table}\n`)) ?? '';
  return new Set([...section.matchAll(/^:(\S+)/gm)].map(([, chain]) => chain));
}
