import { type PacketBatch } from '@nfqlb/core';
import { type PacketBuilder } from '@nfqlb/core/testing';
/** Packets in a batch, all distinct. */
export declare const PACKETS = 4096;
/** One packet of each kind of traffic; another one at every call. */
export declare const TRAFFIC: {
  readonly 'UDP over IPv4': () => PacketBuilder;
  readonly 'TCP over IPv4': () => PacketBuilder;
  readonly 'SCTP over IPv4': () => PacketBuilder;
  readonly 'UDP over IPv6': () => PacketBuilder;
  readonly 'TCP over IPv6': () => PacketBuilder;
  readonly 'UDP over IPv6 with an extension header': () => PacketBuilder;
  readonly 'echo request over IPv4': () => PacketBuilder;
  readonly 'ICMP error': () => PacketBuilder;
  readonly 'ICMPv6 error': () => PacketBuilder;
};
export type Traffic = keyof typeof TRAFFIC;
/** Fragments, first and later ones, of a few datagrams: known, out of order and twice. */
export declare const FRAGMENTS: readonly (() => PacketBuilder)[];
/** A batch of {@link PACKETS} packets, of these kinds by turns. */
export declare function batchOf(...kinds: readonly (Traffic | (() => PacketBuilder))[]): PacketBatch;
//# sourceMappingURL=traffic.d.ts.map
