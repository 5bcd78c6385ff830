import { type Cidr, isIpv4, parseCidr, samePrefix } from '@nfqlb/core/address';
import type { Match, Rule } from './saved-chains.js';

/** What is known about a packet. Absent fields could be anything. */
export interface KnownPacket {
  readonly source?: Cidr;
  readonly destination?: Cidr;
  /** IP protocol number. */
  readonly protocol?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly mark?: number;
  readonly isFragment?: boolean;
  /** It comes from another machine. */
  readonly isForwarded: boolean;
}

/** Whether a condition holds for a packet. */
export type Answer = 'yes' | 'no' | 'unknown';

const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, esp: 50, ah: 51, 'ipv6-icmp': 58, icmpv6: 58, sctp: 132 };

export function ruleMatches(rule: Rule, packet: KnownPacket): Answer {
  const answers = rule.matches.map((match) => matchAnswer(match, packet));
  if (answers.includes('no')) return 'no';
  return answers.includes('unknown') ? 'unknown' : 'yes';
}

/** Options of a rule whose conditions are undecided for a packet, such as `--mark`. */
export function undecided(rule: Rule, packet: KnownPacket): string[] {
  return rule.matches.filter((match) => matchAnswer(match, packet) === 'unknown').map(({ option }) => option);
}

function matchAnswer(match: Match, packet: KnownPacket): Answer {
  const answer = plainAnswer(match, packet);
  if (!match.isNegated || answer === 'unknown') return answer;
  return answer === 'yes' ? 'no' : 'yes';
}

function plainAnswer({ option, values }: Match, packet: KnownPacket): Answer {
  const [value = ''] = values;
  switch (option) {
    case '--comment':
      return 'yes';
    case '-s':
      return isWithin(packet.source, value);
    case '-d':
      return isWithin(packet.destination, value);
    case '-p':
      return answerOf(packet.protocol, (protocol) => value === 'all' || protocol === (PROTOCOLS[value] ?? Number(value)));
    case '--dport':
    case '--dports':
      return answerOf(packet.destinationPort, (port) => isListed(port, value));
    case '--sport':
    case '--sports':
      return answerOf(packet.sourcePort, (port) => isListed(port, value));
    case '--mark': {
      const [wanted, mask = '0xffffffff'] = value.split('/');
      return answerOf(packet.mark, (mark) => (mark & Number(mask)) >>> 0 === Number(wanted));
    }
    case '-f':
      return answerOf(packet.isFragment, (isFragment) => isFragment);
    case '-i':
      return packet.isForwarded && value === 'lo' ? 'no' : 'unknown';
    default:
      return 'unknown';
  }
}

function answerOf<T>(known: T | undefined, holds: (known: T) => boolean): Answer {
  if (known === undefined) return 'unknown';
  return holds(known) ? 'yes' : 'no';
}

/** Whether all addresses of `known` are in the network; `unknown` if only some are. */
function isWithin(known: Cidr | undefined, network: string): Answer {
  const wanted = parseCidr(network);
  if (!known || !wanted) return 'unknown';
  const common = Math.min(known.prefixLength, wanted.prefixLength);
  if (isIpv4(known.network) !== isIpv4(wanted.network) || !samePrefix(known.network, wanted.network, common)) return 'no';
  return known.prefixLength >= wanted.prefixLength ? 'yes' : 'unknown';
}

/** @param list ports as in `80,8000:8099` */
function isListed(port: number, list: string): boolean {
  return list.split(',').some((range) => {
    const [first = '', last = first] = range.split(':');
    return port >= Number(first || 0) && port <= Number(last || 65_535);
  });
}
