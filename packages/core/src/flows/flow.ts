import type { Cidr } from '../address/index.js';
import type { ByteMatch } from './byte-match.js';
import type { FlowProtocol } from './flow-protocol.js';
import type { PortRange } from './port-range.js';

/**
 * Which packets belong to a flow, and the target table they go to. An empty list matches every packet; otherwise one of its members has
 * to match. All lists have to match.
 */
export interface Flow {
  /** 1–1000 characters of A-Z a-z 0-9 + _ -, preceded by `#` for an encapsulation flow (see {@link encapsulationOf}). */
  readonly name: string;
  /** Shared-memory name of the target table. */
  readonly target: string;
  /** From 0 to 2³²−1. The higher wins. */
  readonly priority: number;
  /** In the order tcp, udp, sctp. */
  readonly protocols: readonly FlowProtocol[];
  readonly dsts: readonly Cidr[];
  readonly srcs: readonly Cidr[];
  /** Ascending; ranges neither overlap nor touch. */
  readonly dports: readonly PortRange[];
  readonly sports: readonly PortRange[];
  /** All of these have to match, except those for another protocol than the packet's. */
  readonly match: readonly ByteMatch[];
  /** UDP port that carries the flow's SCTP (RFC 6951); 0 for none. */
  readonly udpencap: number;
}

/** Prefix of an encapsulation flow's name. User-defined names cannot contain it. */
const ENCAPSULATION_PREFIX = '#';

/**
 * The encapsulation flow of a flow: it matches UDP packets to port `flow.udpencap`, which are then looked up again as the SCTP packets
 * that they carry. `undefined` if the flow has no such port. Conditions on the SCTP packet are left to the second lookup.
 */
export function encapsulationOf(flow: Flow): Flow | undefined {
  const { udpencap } = flow;
  if (udpencap === 0) return undefined;
  const dports = [{ first: udpencap, last: udpencap }];
  return { ...flow, name: ENCAPSULATION_PREFIX + flow.name, protocols: ['udp'], dports, sports: [], match: [] };
}

/** Whether this is an encapsulation flow (see {@link encapsulationOf}). */
export function isEncapsulation({ name }: Pick<Flow, 'name'>): boolean {
  return name.startsWith(ENCAPSULATION_PREFIX);
}

/** Sorts by precedence: higher priority first, then by name, octet by octet, so that all load balancers agree. */
export function compareFlows(a: Flow, b: Flow): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  // Names are ASCII: UTF-16 code units compare as octets do.
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
