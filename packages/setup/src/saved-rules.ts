import { OWN_CHAINS, type TableName } from './ownership.js';

/** Our chains and rules in one table. */
export interface SavedTable {
  readonly chains: readonly string[];
  /** Rules in other chains that jump to ours, such as `PREROUTING -j NFQLB`; may contain duplicates. */
  readonly jumps: readonly string[];
  /** Rules in our chains, such as `NFQLB -d 10.0.0.1/32 -j NFQUEUE --queue-num 2`. */
  readonly rules: readonly string[];
}

/** Tables that contain our chains. */
export type SavedRules = ReadonlyMap<TableName, SavedTable>;

/** Parses the output of iptables-save or ip6tables-save: for each table the chains, then their rules. */
export function parseSavedRules(text: string): SavedRules {
  const rules = new Map<TableName, SavedTable>();
  for (const section of text.split(/^\*/m).slice(1)) {
    const [name, ...lines] = section.split('\n');
    const chains = lines.map((line) => /^:(\S+)/.exec(line)?.[1]).filter(isOwn);
    const jumps = lines.filter((line) => {
      const [, from, to] = /^-A (\S+) (?:.* )?(?:-j|-g) (\S+)/.exec(line) ?? [];
      return !isOwn(from) && isOwn(to);
    });
    const own = lines.filter((line) => isOwn(/^-A (\S+)/.exec(line)?.[1]));
    const specification = (line: string): string => line.slice('-A '.length);
    if (chains.length > 0) {
      rules.set(name as TableName, { chains, jumps: jumps.map(specification), rules: own.map(specification) });
    }
  }
  return rules;
}

function isOwn(chain: string | undefined): chain is string {
  return chain !== undefined && OWN_CHAINS.includes(chain);
}
