/** What a packet is to the balancer, and so which fields of its key are known. Small integers: they are made once a packet. */
export const Kind = {
  /** TCP, UDP or SCTP, whole: addresses, protocol and ports. */
  Normal: 0,
  /** The first fragment of a datagram: as normal (or with an echo id), and the fragment id is known. */
  FirstFragment: 1,
  /** A later fragment: addresses and fragment id, no more. */
  Fragment: 2,
  /** SCTP in UDP (RFC 6951): the protocol is SCTP, the ports are those of the SCTP packet inside. */
  UdpEncap: 3,
  /** An ICMP error: addresses and ports of the packet it quotes, source and destination swapped. */
  IcmpInner: 4,
  /** Any other ICMP: addresses and, for an echo request, its id. */
  Icmp: 5,
  /** Any other protocol: addresses and protocol. */
  AddressesOnly: 6,
  /** Cut off or contradictory before what its kind needs: nothing is known. */
  Malformed: 7,
} as const;

export type Kind = (typeof Kind)[keyof typeof Kind];

/** The kinds in words, by number. */
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
