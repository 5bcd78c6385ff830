import { type Cidr, parseCidr } from '@nfqlb/core/address';
import { walk } from '../path/chain-walk.js';
import { undecided } from '../path/rule-match.js';
import { type Chains, parseChains } from '../path/saved-chains.js';
import { describeOutcome, TABLES } from '../path/way-to-queue.js';
import { FAMILIES, type Family } from '../set-up.js';
import type { Facts } from './facts.js';

/** Hooks at which packets can be sent to a queue before they are routed. */
const HOOKS = ['PREROUTING', 'OUTPUT'] as const;

/** The path of packets to a VIP up to its queue rule. */
export interface QueueWay {
  readonly family: Family;
  /** The VIP as written in the queue rule; absent if the rule has no destination. */
  readonly vip: string | undefined;
  /** The queue rule, as iptables-save writes it. */
  readonly rule: string;
  readonly hook: (typeof HOOKS)[number];
  /** The table with the queue rule. */
  readonly table: (typeof TABLES)[number];
  /** The tables of the family. */
  readonly tables: ReadonlyMap<string, Chains>;
}

/** All paths to queues in a set of iptables rules. */
export function waysToQueues({ savedRules }: { readonly savedRules: Readonly<Record<Family, string | undefined>> }): QueueWay[] {
  return FAMILIES.flatMap((family) => {
    const tables = parseChains(savedRules[family] ?? '');
    return TABLES.flatMap((table) =>
      HOOKS.flatMap((hook) => {
        const chains = tables.get(table) ?? new Map();
        const rules = new Map(queueDestinations(chains, hook));
        return [...rules].map(([vip, rule]) => ({ family, vip, rule, hook, table, tables }));
      }),
    );
  });
}

/** Destinations of the queue rules that a hook's packets can reach, each with its rule. */
function queueDestinations(chains: Chains, hook: string): (readonly [destination: string | undefined, rule: string])[] {
  const reached = new Set<string>();
  const visit = (chain: string): (readonly [string | undefined, string])[] => {
    if (reached.has(chain)) return [];
    reached.add(chain);
    return (chains.get(chain)?.rules ?? []).flatMap(({ target, matches, text }) => {
      if (target === 'NFQUEUE') return [[matches.find(({ option, isNegated }) => option === '-d' && !isNegated)?.values[0], text]];
      return target !== undefined && chains.has(target) ? visit(target) : [];
    });
  };
  return visit(hook);
}

/** Something that keeps packets to a VIP from its queue. */
export interface Shadow {
  readonly vip: string;
  /** Which packets: all, those marked by another program, or some that the rules alone do not determine. */
  readonly packets: 'all' | 'marked' | 'some';
  readonly rule: string;
}

/** Rules and policies before the queue rules that take their packets. */
export function findShadows(facts: Pick<Facts, 'savedRules'>): Shadow[] {
  return waysToQueues(facts).flatMap(shadowsOn);
}

function shadowsOn({ family, vip, hook, table, tables }: QueueWay): Shadow[] {
  const to = vip ?? (family === 4 ? '0.0.0.0/0' : '::/0');
  const packet = { ...destination(vip), mark: 0, isForwarded: hook === 'PREROUTING' };
  const shadows: Shadow[] = [];
  for (const name of TABLES.slice(0, TABLES.indexOf(table))) {
    const end = walk(tables.get(name) ?? new Map(), hook, packet).at(-1);
    if (end?.what === 'drop') shadows.push({ vip: to, packets: 'all', rule: describeOutcome(end) });
  }
  const outcomes = walk(tables.get(table)!, hook, packet);
  const queue = outcomes.findIndex(({ what }) => what === 'queue');
  const before = outcomes.slice(0, queue < 0 ? undefined : queue).filter(({ what }) => what !== 'mark');
  for (const outcome of before) {
    if (outcome.isCertain) shadows.push({ vip: to, packets: 'all', rule: describeOutcome(outcome) });
    else if (outcome.rule) {
      const byMark = undecided(outcome.rule, { ...destination(vip), isForwarded: packet.isForwarded }).every(
        (option) => option === '--mark',
      );
      shadows.push({ vip: to, packets: byMark ? 'marked' : 'some', rule: describeOutcome(outcome) });
    }
  }
  return shadows;
}

export function destination(network: string | undefined): { readonly destination?: Cidr } {
  const cidr = network === undefined ? undefined : parseCidr(network);
  return cidr ? { destination: cidr } : {};
}

/** A rule that changes a packet's fwmark between the queue and routing. */
export interface MarkChange {
  /** Whether it changes the fwmark of all packets to a VIP. */
  readonly isCertain: boolean;
  readonly rule: string;
}

/** Mark changes by iptables, in tables after that of the queue rule. */
export function findMarkChanges(facts: Pick<Facts, 'savedRules'>): MarkChange[] {
  return waysToQueues(facts).flatMap(({ vip, hook, table, tables }) => {
    const packet = { ...destination(vip), isForwarded: hook === 'PREROUTING' };
    return TABLES.slice(TABLES.indexOf(table) + 1).flatMap((name) =>
      walk(tables.get(name) ?? new Map(), hook, packet).flatMap(({ what, isCertain, rule }) =>
        what === 'mark' && rule ? [{ isCertain, rule: rule.text }] : [],
      ),
    );
  });
}
