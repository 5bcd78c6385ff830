/**
 * The rows and columns of the matrix: behaviours of the load balancer and the circumstances they are tested in. A test that proves a
 * cell uses `behaviour()` (testing/behaviour.ts).
 */

/** The rows in order: the name used in tests, and the description. */
export const BEHAVIOURS = {
  nat: 'NAT: all targets answer; one is taken out and comes back, and the connections of the others go on',
  'nat-change': 'NAT: targets come and go under load: no connection is refused, lost or slow',
  dsr: 'DSR: answers go straight back, with the client’s address kept',
  'syn-only': 'SYN-only: each connection is in the queue once, and survives changes of targets',
  ecmp: 'Two load balancers behind ECMP: one is killed, connections go on at the same targets',
  reject: 'Reject marks: a client without a target or without a flow is refused at once',
  ping: 'Promiscuous ping: every address of a flow answers ping',
  tier: 'Fragments at different load balancers of a tier reach one target whole',
  pmtu: 'Path MTU discovery: “too big” reaches the target that has to know',
  'icmp-udp': 'ICMP errors that quote UDP reach the target of the connection',
  'icmp-sctp': 'ICMP errors that quote SCTP reach the target of the connection',
  traceroute: 'traceroute to a VIP shows the way to one target',
  sctp: 'SCTP associations',
  'sctp-udp': 'SCTP in UDP (RFC 6951)',
  'sctp-multihoming': 'SCTP multihoming: an association goes on when one of its paths is cut',
} as const;

export type Behaviour = keyof typeof BEHAVIOURS;

export type Family = 4 | 6;

/** How many queues the load balancer listens to. */
export type Queues = 1 | 4;

/** What a test runs with: a column. */
export interface Circumstances {
  readonly family: Family;
  readonly queues: Queues;
  /** Whole packets are decided in the kernel, the others in the queue. Default: all in the queue. */
  readonly fast?: boolean;
}

/** A cell that a test proves if it passes. */
export interface Proof extends Circumstances {
  readonly behaviour: Behaviour;
}

/** All columns, for `describe.each`. */
export const CIRCUMSTANCES: readonly Required<Circumstances>[] = [
  { family: 4, queues: 1, fast: false },
  { family: 4, queues: 4, fast: false },
  { family: 4, queues: 1, fast: true },
  { family: 6, queues: 1, fast: false },
  { family: 6, queues: 4, fast: false },
  { family: 6, queues: 1, fast: true },
];

/** The columns without and with the fast path, for behaviours that are tested in different places. */
export const QUEUED: readonly Required<Circumstances>[] = CIRCUMSTANCES.filter(({ fast }) => fast === false);
export const FAST: readonly Required<Circumstances>[] = CIRCUMSTANCES.filter(({ fast }) => fast === true);

/** A column's heading, such as `IPv4, one queue`. */
export function columnTitle({ family, queues, fast = false }: Circumstances): string {
  return `IPv${family}, ${fast ? 'fast path' : queues === 1 ? 'one queue' : 'four queues'}`;
}
