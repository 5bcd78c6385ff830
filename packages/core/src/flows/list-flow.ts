import { type Cidr, formatIpv6 } from '../address/index.js';
import { formatByteMatch } from './byte-match.js';
import type { FlowDefinition } from './define-flow.js';
import type { Flow } from './flow.js';
import type { FlowProtocol } from './flow-protocol.js';
import { formatPortRange } from './port-range.js';

/** A flow as `flow-list` prints it, with its keys in this order. Fields that are not set are absent. */
export interface ListedFlow {
  readonly name: string;
  readonly priority: number;
  readonly protocols?: readonly FlowProtocol[];
  readonly dests?: readonly string[];
  readonly dports?: readonly string[];
  readonly srcs?: readonly string[];
  readonly sports?: readonly string[];
  readonly match?: readonly string[];
  readonly udpencap?: number;
  readonly matches_count: number;
  /** Shared-memory name of the target table. */
  readonly user_ref?: string;
}

/**
 * A flow in the form that `flow-list` prints as JSON.
 *
 * @param matchesCount number of packets that matched
 * @param userRef the target table; absent for a trace flow
 */
export function listFlow(flow: Flow, matchesCount: number, userRef?: string): ListedFlow {
  const { name, priority, protocols, dsts, dports, srcs, sports, match, udpencap } = flow;
  return {
    name,
    priority,
    ...(protocols.length > 0 && { protocols }),
    ...(dsts.length > 0 && { dests: dsts.map(formatMapped) }),
    ...(dports.length > 0 && { dports: dports.map(formatPortRange) }),
    ...(srcs.length > 0 && { srcs: srcs.map(formatMapped) }),
    ...(sports.length > 0 && { sports: sports.map(formatPortRange) }),
    ...(match.length > 0 && { match: match.map(formatByteMatch) }),
    ...(udpencap > 0 && { udpencap }),
    matches_count: matchesCount,
    ...(userRef !== undefined && { user_ref: userRef }),
  };
}

/** The definition of a flow that `flow-list` printed. */
export function definitionOf({ dests, user_ref: target = '', ...listed }: ListedFlow): FlowDefinition {
  const { name, priority, protocols, dports, srcs, sports, match, udpencap } = listed;
  return { name, target, priority, protocols, dsts: dests, dports, srcs, sports, match, udpencap };
}

/** As C nfqlb prints networks: IPv4 networks in mapped form, `::ffff:10.0.0.0/104`. */
function formatMapped({ network, prefixLength }: Cidr): string {
  return `${formatIpv6(network)}/${prefixLength}`;
}
