import { type Outcome, walk } from './chain-walk.js';
import type { KnownPacket } from './rule-match.js';
import type { Chains } from './saved-chains.js';

/** The order in which packets pass the tables of a hook. */
export const TABLES = ['raw', 'mangle', 'nat', 'filter'] as const;

/** How far a packet gets before it is load-balanced. */
export type WayToQueue =
  | {
      readonly end: 'queue';
      readonly rule: string;
      /** Queues that the kernel chooses from. */
      readonly first: number;
      readonly last: number;
      /** It passes without a verdict while nobody listens. */
      readonly isBypassed: boolean;
      /** Earlier rules, with conditions that explain cannot decide, that would keep the packet from the queue. */
      readonly unless: readonly string[];
    }
  /** A rule or policy drops it first. */
  | { readonly end: 'drop'; readonly rule: string }
  /** No queue rule gets it; `rule` accepts it first, if one does. */
  | { readonly end: 'pass'; readonly rule: string | undefined };

/** Follows a packet through the hooks that may have queue rules. */
export function wayToQueue(tables: ReadonlyMap<string, Chains>, packet: KnownPacket): WayToQueue {
  const hooks = packet.isForwarded ? ['PREROUTING', 'INPUT', 'FORWARD'] : ['OUTPUT'];
  let accepted: string | undefined;
  for (const hook of hooks) {
    for (const table of TABLES) {
      const outcomes = walk(tables.get(table) ?? new Map(), hook, packet);
      const queue = outcomes.find(({ what }) => what === 'queue');
      const end = outcomes.at(-1);
      if (queue?.rule) return atQueue(queue.rule.text, outcomes.slice(0, outcomes.indexOf(queue)));
      // A packet passes either INPUT or FORWARD, so a drop in one of them is not certain.
      if (end?.what === 'drop' && (hook === 'PREROUTING' || hook === 'OUTPUT')) return { end: 'drop', rule: describeOutcome(end) };
      if (end?.what === 'accept' && end.rule) accepted ??= end.rule.text;
    }
  }
  return { end: 'pass', rule: accepted };
}

/** The queues that a rule of iptables with `-j NFQUEUE` names. */
export function queuesOf(rule: string): { readonly first: number; readonly last: number; readonly isBypassed: boolean } {
  const [, first = '0', last = first] = /--queue-(?:num|balance) (\d+)(?::(\d+))?/.exec(rule) ?? [];
  return { first: Number(first), last: Number(last), isBypassed: rule.includes('--queue-bypass') };
}

function atQueue(rule: string, before: readonly Outcome[]): WayToQueue {
  return {
    end: 'queue',
    rule,
    ...queuesOf(rule),
    unless: before.flatMap((outcome) => (outcome.what !== 'mark' && outcome.rule ? [outcome.rule.text] : [])),
  };
}

/** The rule, or the chain whose policy it is. */
export function describeOutcome({ rule, chain }: Outcome): string {
  return rule?.text ?? `the policy of the chain ${chain}`;
}
