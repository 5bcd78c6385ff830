// Without types of other packages: this is part of the published interface, and the package has no dependencies.

/** The decision on one packet of a capture: a line of `nfqlb-sim replay --json`. Fields that do not apply are absent. */
export interface ReplayedDecision {
  /** Number of the frame in the capture, from 1, counting those without IP. */
  readonly n: number;
  /** Seconds since the first packet, with nine decimals; below 0 where the capture's clock went back. */
  readonly time: string;
  /** `store`: a fragment that comes before its first; another decision follows when that has come. */
  readonly verdict: 'accept' | 'drop' | 'store';
  /** Which target gets it; `null` if it is not accepted. */
  readonly fwmark: number | null;
  /** Why: `balanced`, `fragment-known`, `no-flow`, … */
  readonly reason: string;
  /** What it is: `normal`, `first-fragment`, `fragment`, `udp-encap`, `icmp-inner`, `icmp`, `addresses-only`, `malformed`. */
  readonly kind: string;
  /** Addresses, protocol and ports that decide: for an ICMP error those of the connection that it quotes, swapped back. */
  readonly src?: string;
  readonly dst?: string;
  readonly proto?: number;
  readonly sport?: number;
  readonly dport?: number;
  /** What chose the target, 32 bits unsigned, and the bucket of the table. */
  readonly hash?: number;
  readonly bucket?: number;
  /** Name of the flow whose table was used. */
  readonly flow?: string;
  /** Whether it came back after being stored. */
  readonly reinjected: boolean;
}
