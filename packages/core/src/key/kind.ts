/** What kind of packet it is, and so which fields of its key are set. Small integers, because one is needed for each packet. */
export const Kind = {
  /** TCP, UDP or SCTP, unfragmented: addresses, protocol and ports. */
  Normal: 0,
  /** The first fragment of a datagram: like normal (or with an echo id), plus the fragment id. */
  FirstFragment: 1,
  /** A later fragment: only addresses and fragment id. */
  Fragment: 2,
  /** SCTP in UDP (RFC 6951): the protocol is SCTP, the ports are those of the SCTP packet inside. */
  UdpEncap: 3,
  /** An ICMP error: addresses and ports of the packet it quotes, source and destination swapped. */
  IcmpInner: 4,
  /** Any other ICMP: addresses and, for an echo request, its id. */
  Icmp: 5,
  /** Any other protocol: addresses and protocol. */
  AddressesOnly: 6,
  /** Truncated or inconsistent: no fields are set. */
  Malformed: 7,
} as const;

export type Kind = (typeof Kind)[keyof typeof Kind];

/** Names of the kinds, by number. */
export const KIND_NAMES: readonly string[] = [
  'normal',
  'first-fragment',
  'fragment',
  'udp-encap',
  'icmp-inner',
  'icmp',
  'addresses-only',
  'malformed',
];
