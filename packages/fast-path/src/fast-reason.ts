/** What the program in the kernel did with a packet, and why. In the order of `enum reason` in program/fast-path.bpf.c. */
export const FastReason = {
  /** Marked: the hash of its key chose a target. */
  Balanced: 0,
  /** Marked with the fwmark for packets without a target. */
  NoTarget: 1,
  /** Marked with the fwmark for packets without a flow. */
  NoFlow: 2,
  /** Not for a VIP, or neither IPv4 nor IPv6: left as it was. */
  Other: 3,
  // All that follow are left to the queue.
  /** A fragment, also an atomic one. */
  Fragment: 4,
  /** An ICMP error: it belongs to the connection that it quotes. */
  IcmpError: 5,
  /** UDP to the port that carries SCTP, or to that of a flow with `udpencap`. */
  SctpInUdp: 6,
  /** Truncated or inconsistent headers. */
  Malformed: 7,
  /** More IPv6 extension headers, or longer ones, than the program reads. */
  LongHeaders: 8,
  /** An echo request with promiscuous ping. */
  Ping: 9,
  /** A flow with a byte match may be the first that matches. */
  ByteMatch: 10,
  /** The flows do not fit into the program's maps at this place: see {@link UnfitFlow}. */
  Unfit: 11,
  /** No target is active, and no fwmark is configured for that: the queue drops it. */
  NoTargetDrop: 12,
  /** No flow matches, and no fwmark is configured for that: the queue drops it. */
  NoFlowDrop: 13,
  /** The target's fwmark is 0, as if it were not decided. */
  FwmarkZero: 14,
  /** Targets have changed with a drain: the queue knows which connections keep a former one (docs/drain.md). */
  Transition: 15,
} as const;

export type FastReason = (typeof FastReason)[keyof typeof FastReason];

/** Names of the reasons, by number: for metrics and JSON. */
export const FAST_REASON_NAMES: readonly string[] = [
  'balanced',
  'no-target',
  'no-flow',
  'other',
  'fragment',
  'icmp-error',
  'sctp-in-udp',
  'malformed',
  'long-headers',
  'ping',
  'byte-match',
  'unfit',
  'no-target-drop',
  'no-flow-drop',
  'fwmark-zero',
  'transition',
];

/** The reasons below this number are those of packets that got their mark in the kernel. */
export const DECIDED: number = FastReason.Other;

/** The reasons in words: what the packets are. */
export const REASON_TEXTS: readonly string[] = [
  'balanced by the hash of its key',
  'without an active target: marked with the fwmark for that',
  'without a flow: marked with the fwmark for that',
  'not for a VIP',
  'a fragment',
  'an ICMP error',
  'SCTP in UDP',
  'truncated or inconsistent headers',
  'many or long IPv6 extension headers',
  'a ping, and promiscuous ping is on',
  'a flow with a byte match may match',
  'of flows that do not fit into the kernel’s maps',
  'without an active target: the queue drops it',
  'without a flow: the queue drops it',
  'its target has fwmark 0',
  'its connection may keep a former target',
];
