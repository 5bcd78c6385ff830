/** Protocols of generated flows. */
export const PROTOCOLS = ['tcp', 'udp', 'sctp', 'icmp'] as const;
export type GeneratedProtocol = (typeof PROTOCOLS)[number];

/** Attacks: packets that belong to no flow, each from another address. The last are SYNs with one djb2 hash. */
export const ATTACKS = ['syn', 'udp', 'fragments', 'aimed'] as const;
export type Attack = (typeof ATTACKS)[number];

/** Parts of a mix, relative to each other. */
export type Mix<Name extends string> = ReadonlyMap<Name, number>;

export interface TrafficOptions {
  /** Number of packets, at least {@link FEWEST_PACKETS}. */
  readonly packets: number;
  readonly seed: number;
  /** Packets per second. */
  readonly rate: number;
  /** Flows at a time, and the mean number of data packets or datagrams of one. */
  readonly flows: number;
  readonly length: number;
  readonly protocols: Mix<GeneratedProtocol>;
  /** Lengths of data packets in octets, from the IP header on. */
  readonly sizes: Mix<`${number}`>;
  /** Addresses that flows go to. */
  readonly vips: number;
  /** From 0 to 100: flows of IPv6; of UDP, flows whose datagrams are fragmented; packets of flows that an ICMP error follows; associations with two paths. */
  readonly ipv6: number;
  readonly fragmented: number;
  readonly errors: number;
  readonly multihomed: number;
  /** From 0 to 100: packets that are attacks. */
  readonly attack: number;
  readonly attacks: Mix<Attack>;
}

/** The shortest TCP connection: SYN, data, FIN. */
export const FEWEST_PACKETS = 3;
