import { type KnownPacket, ruleMatches } from './rule-match.js';
import type { Chains, Rule } from './saved-chains.js';

/** Something that happens, or may happen, to a packet in a table. */
export interface Outcome {
  /** All but `mark` end the packet's path through the table. */
  readonly what: 'accept' | 'drop' | 'queue' | 'translate' | 'mark';
  /** The rule that does it; absent for a chain's policy. */
  readonly rule: Rule | undefined;
  /** The chain that the rule or the policy belongs to. */
  readonly chain: string;
  /** Whether it happens to every such packet that gets this far. */
  readonly isCertain: boolean;
}

const ENDS: Readonly<Record<string, Outcome['what']>> = {
  ...{ ACCEPT: 'accept', DROP: 'drop', REJECT: 'drop', NFQUEUE: 'queue', QUEUE: 'queue' },
  ...{ DNAT: 'translate', SNAT: 'translate', MASQUERADE: 'translate', REDIRECT: 'translate', NETMAP: 'translate', TPROXY: 'translate' },
};

/** Targets that change the mark of a packet. `CONNMARK --save-mark` does not. */
const MARKS = /-j (?:MARK\b|CONNMARK .*--restore-mark)/;

/**
 * Follows a packet through a table, from the chain of a hook (`PREROUTING`). If a rule's conditions are undecided, follows both branches.
 * Returns the possible outcomes in rule order, up to the first certain end.
 */
export function walk(chains: Chains, hook: string, packet: KnownPacket): Outcome[] {
  const outcomes: Outcome[] = [];
  const base = chains.get(hook);
  if (!base) return [];
  const { isEnded } = visit(hook, packet, true);
  if (!isEnded) outcomes.push({ what: base.policy === 'DROP' ? 'drop' : 'accept', rule: undefined, chain: hook, isCertain: true });
  return outcomes;

  /** @returns whether no packet that got here comes back, and what is known about those that do */
  function visit(chain: string, arriving: KnownPacket, isCertain: boolean, depth = 0): { isEnded: boolean; packet: KnownPacket } {
    let packet = arriving;
    // Once some packets may have returned, later rules do not see all.
    let mayHaveReturned = false;
    for (const rule of chains.get(chain)?.rules ?? []) {
      const answer = ruleMatches(rule, packet);
      if (answer === 'no' || rule.target === undefined) continue;
      const isSure = answer === 'yes';
      const end = ENDS[rule.target];
      if (end !== undefined) {
        outcomes.push({ what: end, rule, chain, isCertain: isCertain && isSure && !mayHaveReturned });
        if (isSure) return { isEnded: !mayHaveReturned, packet };
      } else if (rule.target === 'RETURN') {
        // From the hook's own chain: apply its policy.
        if (chain === hook) {
          outcomes.push({ what: base!.policy === 'DROP' ? 'drop' : 'accept', rule, chain, isCertain: isCertain && isSure });
          if (isSure) return { isEnded: true, packet };
        } else if (isSure) return { isEnded: false, packet };
        else mayHaveReturned = true;
      } else if (MARKS.test(rule.text)) {
        outcomes.push({ what: 'mark', rule, chain, isCertain: isCertain && isSure });
        packet = withoutMark(packet);
      } else if (chains.has(rule.target) && depth < chains.size) {
        const back = visit(rule.target, packet, isCertain && isSure && !mayHaveReturned, depth + 1);
        packet = back.packet;
        if (isSure && (back.isEnded || rule.isGoto)) return { isEnded: back.isEnded && !mayHaveReturned, packet };
      }
    }
    return { isEnded: false, packet };
  }
}

function withoutMark({ mark: _, ...packet }: KnownPacket): KnownPacket {
  return packet;
}
