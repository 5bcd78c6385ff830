import type { TableRules } from './packet-rules.js';
import type { SavedRules } from './saved-rules.js';
import type { SetUp } from './set-up.js';

/** A translation for a fwmark, as iptables-save writes it: `NFQLB -d 10.0.0.1/32 -m mark --mark 0x65 -j DNAT --to-destination 192.168.1.1`. */
const TRANSLATION = /^(\S+) (.*-m mark --mark (0x[\da-f]+) -j (?:DNAT|MASQUERADE)\b.*)$/;

/**
 * Adds to the rules of the table `nat` the translations that are there for fwmarks of no set-up, behind all others. The table's other rules, and those
 * of other tables, are not for targets.
 */
export function withFormerTranslations(rules: TableRules, saved: SavedRules, setUps: readonly SetUp[]): TableRules {
  if (rules.table !== 'nat') return rules;
  const wanted = new Set(setUps.flatMap(({ targets }) => targets.map(({ fwmark }) => fwmark)));
  const former = (saved.get('nat')?.rules ?? []).flatMap((line) => {
    const [, chain, rule, fwmark] = TRANSLATION.exec(line) ?? [];
    return chain === undefined || wanted.has(Number(fwmark)) ? [] : [{ chain, rule: rule! }];
  });
  const chains = [...rules.chains].map(([chain, own]) => {
    return [chain, [...own, ...former.filter((each) => each.chain === chain).map(({ rule }) => rule)]] as const;
  });
  return { ...rules, chains: new Map(chains) };
}
