import { nativeTables, type PacketRules } from './queue-rules.js';

/** A chain of nftables that packets of a hook come through. */
export interface NftChain {
  readonly hook: string;
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
  readonly lines: readonly string[];
}

/** nft(8): names of the priorities of chains, but for those of the family bridge. */
const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, mangle: -150, dstnat: -100, filter: 0, security: 50, srcnat: 100 };

/** Chains of nftables at a hook, without those of iptables. */
export function nftChains(rules: PacketRules): NftChain[] {
  return nativeTables(rules).flatMap(({ chains }) =>
    chains.flatMap((lines) => {
      const declaration = /^type \w+ hook (\w+) (?:device \S+ )?priority ([\w-]+)(?: ([+-]) (\d+))?;(?: policy (\w+);)?/;
      for (const line of lines) {
        const [, hook, base, sign, offset = '0', policy] = declaration.exec(line) ?? [];
        if (hook === undefined) continue;
        const priority = (PRIORITIES[base!] ?? Number(base)) + (sign === '-' ? -1 : 1) * Number(offset);
        return [
          { hook, priority, policy: policy === 'drop' ? 'drop' : 'accept', lines: lines.filter((other) => other !== line && other !== '') },
        ];
      }
      return [];
    }),
  );
}

export function preroutingChains(rules: PacketRules): NftChain[] {
  return nftChains(rules).filter(({ hook }) => hook === 'prerouting');
}

/** Those that send packets to a queue. */
export function nftQueueChains(rules: PacketRules): NftChain[] {
  return nftChains(rules).filter(({ lines }) => lines.some((line) => /\bqueue(?: |$)/.test(line)));
}
