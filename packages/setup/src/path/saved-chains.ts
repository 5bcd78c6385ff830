// The rules of iptables-save and ip6tables-save, as far as needed to follow a packet.

/** A table: its chains by name. */
export type Chains = ReadonlyMap<string, Chain>;

export interface Chain {
  /** What happens to packets that no rule decides; absent for a user-defined chain, which returns to its caller. */
  readonly policy: string | undefined;
  readonly rules: readonly Rule[];
}

export interface Rule {
  /** As iptables-save writes it: `-A PREROUTING -d 10.0.0.1/32 -j NFQUEUE --queue-num 2`. */
  readonly text: string;
  readonly matches: readonly Match[];
  /** Absent for a rule that only counts. */
  readonly target: string | undefined;
  /** `-g`: the target chain does not return here. */
  readonly isGoto: boolean;
}

/** A condition, as in `! --mark 0x0/0xff`. */
export interface Match {
  /** `-d`, `--mark`. */
  readonly option: string;
  readonly values: readonly string[];
  readonly isNegated: boolean;
}

/** Parses the output of iptables-save: tables by name. */
export function parseChains(saved: string): ReadonlyMap<string, Chains> {
  const tables = new Map<string, Chains>();
  for (const section of saved.split(/^\*/m).slice(1)) {
    const [name, ...lines] = section.split('\n');
    const chains = new Map<string, { policy: string | undefined; rules: Rule[] }>();
    for (const line of lines) {
      const [, declared, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
      if (declared !== undefined) chains.set(declared, { policy: policy === '-' ? undefined : policy, rules: [] });
      const [, chain] = /^(?:\[\d+:\d+\] )?-A (\S+)/.exec(line) ?? [];
      if (chain !== undefined) chains.get(chain)?.rules.push(parseRule(line));
    }
    tables.set(name!, chains);
  }
  return tables;
}

function parseRule(line: string): Rule {
  const text = line.replace(/^\[\d+:\d+\] /, '');
  // Words, or strings in quotes.
  const words = [...text.matchAll(/"(?:\\.|[^"\\])*"|\S+/g)].map(([word]) => word).slice(2);
  const matches: Match[] = [];
  let isNegated = false;
  while (words.length > 0) {
    const option = words.shift()!;
    if (option === '-j' || option === '-g') return { text, matches, target: words[0], isGoto: option === '-g' };
    if (option === '!') {
      isNegated = true;
      continue;
    }
    const end = words.findIndex((word) => word.startsWith('-') || word === '!');
    const values = words.splice(0, end < 0 ? words.length : end);
    // A module is not a condition; its options are.
    if (option !== '-m') matches.push({ option, values, isNegated });
    isNegated = false;
  }
  return { text, matches, target: undefined, isGoto: false };
}
