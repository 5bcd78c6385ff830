import { nativeTables, type PacketRules } from './queue-rules.js';

/** An nftables chain attached to a hook. */
export interface NftChain {
  readonly hook: string;
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
  readonly lines: readonly string[];
}

/** Named chain priorities of nft(8), except those of the bridge family. */
const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, mangle: -150, dstnat: -100, filter: 0, security: 50, srcnat: 100 };

/** nftables chains attached to a hook, without those of iptables. */
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

/** Chains that send packets to a queue. */
export function nftQueueChains(rules: PacketRules): NftChain[] {
  return nftChains(rules).filter(({ lines }) => lines.some((line) => /\bqueue(?: |$)/.test(line)));
}
