import type { Cidr } from '../address/index.js';
import type { ByteMatch } from './byte-match.js';
import type { FlowProtocol } from './flow-protocol.js';
import type { PortRange } from './port-range.js';

/**
 * What packets are told by, and the table that has their targets. A list that is empty asks for nothing: every packet
 * matches it; one that is not matches if any of its members does. All lists have to match.
 */
export interface Flow {
  /** 1–1000 of A-Z a-z 0-9 + _ -; behind a `#` for the flow that leads to another (see {@link encapsulationOf}). */
  readonly name: string;
  /** Shared-memory name of the target table. */
  readonly target: string;
  /** From 0 to 2³²−1. The higher wins. */
  readonly priority: number;
  /** In the order tcp, udp, sctp. */
  readonly protocols: readonly FlowProtocol[];
  readonly dsts: readonly Cidr[];
  readonly srcs: readonly Cidr[];
  /** Ascending, and none touches the next. */
  readonly dports: readonly PortRange[];
  readonly sports: readonly PortRange[];
  /** All of these have to match, but for those of another protocol than the packet's. */
  readonly match: readonly ByteMatch[];
  /** UDP port that carries the flow's SCTP (RFC 6951); 0 for none. */
  readonly udpencap: number;
}

/** Stands before the name of a flow that leads to another. No user can give such a name. */
const LEADS_TO = '#';

/**
 * The flow that UDP packets to `flow.udpencap` match, so that they are looked up again, as the SCTP packets that they carry;
 * `undefined` if the flow has no such port. What `flow` asks of the SCTP packet, this one cannot ask.
 */
export function encapsulationOf(flow: Flow): Flow | undefined {
  const { udpencap } = flow;
  if (udpencap === 0) return undefined;
  const dports = [{ first: udpencap, last: udpencap }];
  return { ...flow, name: LEADS_TO + flow.name, protocols: ['udp'], dports, sports: [], match: [] };
}

/** Whether a flow is what {@link encapsulationOf} gives: no answer, but the way to one. */
export function isEncapsulation({ name }: Pick<Flow, 'name'>): boolean {
  return name.startsWith(LEADS_TO);
}

/** Sorts what wins first: the higher priority, then the name that is lower octet by octet, so that all load-balancers agree. */
export function compareFlows(a: Flow, b: Flow): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  // Names are ASCII: UTF-16 code units compare as octets do.
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
