import { FAMILIES, type Family } from '../set-up.js';
import type { Facts } from './facts.js';

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
  /** As it is written. */
  readonly text: string;
}

/** All that could be read, of iptables and of nftables. */
export function queueRules({ savedRules, nftRules }: Pick<Facts, 'savedRules' | 'nftRules'>): QueueRule[] {
  return [...FAMILIES.flatMap((family) => iptablesQueueRules(savedRules[family] ?? '', family)), ...nftQueueRules(nftRules ?? '')];
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
    text,
  };
}

/** `queue`, `queue num 2`, `queue num 0-3 bypass`; from nft 1.0.1 on `queue to 2`, `queue flags bypass to 0-3`. */
const NFT_QUEUE = /\bqueue(?: flags [\w,]+)?(?: (?:num|to) (\d+)(?:-(\d+))?)?(?: [\w,]+)*$/;

function nftQueueRules(ruleset: string): QueueRule[] {
  return nativeTables(ruleset).flatMap(({ family, lines }) =>
    lines.flatMap((text) => {
      const match = NFT_QUEUE.exec(text);
      if (!match) return [];
      const [, first = '0', last = first] = match;
      return [{ family, first: Number(first), last: Number(last), bypass: /\bbypass\b/.test(match[0]), local: false, text }];
    }),
  );
}

/** A table of nftables that is not iptables' own. */
export interface NativeTable {
  readonly family: Family | undefined;
  readonly lines: readonly string[];
}

/** The tables of iptables are shown by nft, too: with these names, in these families. */
const IPTABLES_TABLES = ['filter', 'nat', 'mangle', 'raw', 'security'];

export function nativeTables(ruleset: string): NativeTable[] {
  return ruleset
    .split(/^(?=table )/m)
    .map((section) => section.split('\n').map((line) => line.trim()))
    .filter(([head = '']) => head.startsWith('table '))
    .filter(([head = '']) => {
      const [, family, name] = head.split(' ');
      return !((family === 'ip' || family === 'ip6') && IPTABLES_TABLES.includes(name!));
    })
    .map(([head = '', ...lines]) => {
      const family = head.split(' ')[1];
      return { family: family === 'ip' ? 4 : family === 'ip6' ? 6 : undefined, lines };
    });
}
