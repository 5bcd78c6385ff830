import { queuesOf } from '../path/way-to-queue.js';
import { FAMILIES, type Family } from '../set-up.js';
import type { Facts } from './facts.js';

/** All packet rules, as printed by iptables-save and nft. */
export type PacketRules = Pick<Facts, 'savedRules' | 'legacyRules' | 'nftRules' | 'iptablesVersion'>;

/** A rule that sends packets to queues. */
export interface QueueRule {
  /** `undefined` for an nftables rule for both. */
  readonly family: Family | undefined;
  readonly first: number;
  readonly last: number;
  /** Packets pass if nobody listens. */
  readonly bypass: boolean;
  /** Only for packets from programs on this machine. */
  readonly local: boolean;
  /** Only for fragments. */
  readonly fragments: boolean;
  /** The rule as written. */
  readonly text: string;
}

/** All queue rules that could be read, from iptables and nftables. */
export function queueRules(facts: PacketRules): QueueRule[] {
  const { savedRules, legacyRules } = facts;
  const saved = (family: Family): string => `${savedRules[family] ?? ''}${legacyRules[family]}`;
  return [...FAMILIES.flatMap((family) => iptablesQueueRules(saved(family), family)), ...nftQueueRules(facts)];
}

/** Whether the iptables rules of a family are known. A family that the kernel lacks has none. */
export function rulesAreReadable({ savedRules, sysctls }: Facts, family: Family): boolean {
  return savedRules[family] !== undefined || (family === 6 && sysctls.ipv6Forwarding === undefined);
}

/** Whether the rules of iptables or nftables are known. */
export function anyRulesAreReadable({ savedRules, nftRules }: PacketRules): boolean {
  return savedRules[4] !== undefined || nftRules !== undefined;
}

function iptablesQueueRules(saved: string, family: Family): QueueRule[] {
  // Table by table: chains in different tables may share a name.
  return saved.split(/^\*/m).flatMap((section) => {
    const lines = section.split('\n');
    return lines.filter((line) => / -j NFQUEUE\b/.test(line)).map((text) => iptablesQueueRule(text, lines, family));
  });
}

/** @param lines all lines of the rule's table */
function iptablesQueueRule(text: string, lines: readonly string[], family: Family): QueueRule {
  const { first, last, isBypassed } = queuesOf(text);
  const chain = text.split(' ')[1]!;
  const callers = lines.map((line) => /^-A (\S+) (?:.* )?(?:-j|-g) (\S+)/.exec(line)).filter((match) => match?.[2] === chain);
  const hooks = callers.length > 0 ? callers.map((match) => match![1]) : [chain];
  return {
    family,
    first,
    last,
    bypass: isBypassed,
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

/** An nftables table, without the chains of iptables. */
export interface NativeTable {
  readonly family: Family | undefined;
  /** The lines of each chain. */
  readonly chains: readonly (readonly string[])[];
}

/**
 * The part of `nft list ruleset` that iptables-save does not show. Both show the tables of iptables-nft. But nft may create a table of
 * the same name, with rules that iptables does not understand: then iptables-save omits the table, or its chains that are not from
 * iptables. With iptables-legacy, all tables are foreign.
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

/** @param saved output of iptables-save, with chains as in `:INPUT ACCEPT [0:0]` */
function chainsIn(saved: string, table: string): ReadonlySet<unknown> {
  const section = saved.split(/^\*/m).find((text) => text.startsWith(`${table}\n`)) ?? '';
  return new Set([...section.matchAll(/^:(\S+)/gm)].map(([, chain]) => chain));
}
