import { type Cidr, formatCidr, parseCidr } from '@nfqlb/core/address';
import { CHAIN } from '../ownership.js';
import { FAMILIES, type Family } from '../set-up.js';
import { walk } from './chain-walk.js';
import { type ReadChains, readChains } from './read-chains.js';
import { type KnownPacket, ruleMatches } from './rule-match.js';
import type { Chains, Rule } from './saved-chains.js';
import { queuesOf, TABLES } from './way-to-queue.js';

/** Destinations whose packets all come to a queue. */
export interface QueueVips {
  readonly vips: readonly Cidr[];
  /** Destinations of which only some packets do, or perhaps not all: `RULE`, as iptables-save writes it. */
  readonly unclear: readonly { readonly vip: Cidr; readonly rule: string }[];
  /** Why the rules cannot be read. */
  readonly unreadable?: string;
}

/** The destinations that the iptables rules of this network namespace lead to these queues, of packets from other machines. */
export function queueVips(first: number, last: number, read: (family: Family) => ReadChains = readChains): QueueVips {
  const vips: Cidr[] = [];
  const unclear: { readonly vip: Cidr; readonly rule: string }[] = [];
  for (const family of FAMILIES) {
    const chains = read(family);
    if ('unreadable' in chains) {
      // A machine without IPv6 has no rules for it.
      if (family === 6 && vips.length + unclear.length > 0) continue;
      return { vips: [], unclear: [], unreadable: chains.unreadable };
    }
    for (const vip of destinations(chains.tables, family)) {
      const found = wayOf(chains.tables, vip, first, last);
      if (found === 'all') vips.push(vip);
      else if (found !== undefined) unclear.push({ vip, rule: found });
    }
  }
  return { vips, unclear };
}

/** What any queue rule asks for. */
function destinations(tables: ReadonlyMap<string, Chains>, family: Family): Cidr[] {
  const rules = [...tables.values()].flatMap((chains) => [...chains.values()].flatMap((chain) => chain.rules));
  const any = family === 4 ? '0.0.0.0/0' : '::/0';
  const texts = rules
    .filter(({ target }) => target === 'NFQUEUE')
    .map(({ matches }) => matches.find(({ option, isNegated }) => option === '-d' && !isNegated)?.values[0] ?? any);
  const cidrs = texts.map(parseCidr).filter((cidr) => cidr !== undefined);
  return [...new Map(cidrs.map((cidr) => [formatCidr(cidr), cidr])).values()];
}

/** All fragments are left to a queue, whichever that is. */
function isForFragments({ text, target }: Rule): boolean {
  return target === 'NFQUEUE' && / -m (?:u32|frag) /.test(text);
}

/** `all`: every packet comes to one of the queues. Otherwise a rule that decides which; `undefined` if none does. */
function wayOf(tables: ReadonlyMap<string, Chains>, destination: Cidr, first: number, last: number): string | undefined {
  const packet: KnownPacket = { destination, mark: 0, isFragment: false, isForwarded: true };
  let other: string | undefined;
  for (const hook of ['PREROUTING', 'INPUT', 'FORWARD']) {
    for (const table of TABLES) {
      for (const { what, rule, chain, isCertain } of walk(tables.get(table) ?? new Map(), hook, packet)) {
        if (rule === undefined || what === 'mark' || isForFragments(rule)) continue;
        if (what !== 'queue') {
          other ??= rule.text;
          continue;
        }
        const queues = queuesOf(rule.text);
        if (queues.first > last || queues.last < first) return undefined;
        // In our own chain, only packets of connections that have a fwmark pass by (--syn-only).
        const isAll = isCertain || (chain === CHAIN && ruleMatches(rule, packet) === 'yes');
        return isAll && other === undefined && hook === 'PREROUTING' ? 'all' : (other ?? rule.text);
      }
    }
  }
  return undefined;
}
