// Packets as in a busy load balancer: all different, so that branch prediction and caches do not distort the results.

import { type Balancer, ETH_P_IP, ETH_P_IPV6, type PacketBatch } from '@nfqlb/core';
import { type PacketBuilder, packet, randomNumbers } from '@nfqlb/core/testing';

/** Packets in a batch, all distinct. */
export const PACKETS = 4096;

/** Space for each packet in the region, in octets: like a slot of the receive buffer. */
const SLOT = 2048;

const random = randomNumbers(1);
const port = (): number => 1024 + (random() % 64512);
const address4 = (): string => [10, random() & 255, random() & 255, random() & 255].join('.');
const address6 = (): string => `2001:db8:${Array.from({ length: 6 }, () => (random() & 0xffff).toString(16)).join(':')}`;
const from4 = (): PacketBuilder => packet().ipv4(address4(), '192.0.2.1');
const from6 = (): PacketBuilder => packet().ipv6(address6(), '2001:db8::1');

/** Creates a different packet of each kind of traffic on each call. */
export const TRAFFIC = {
  'UDP over IPv4': () => from4().udp(port(), 53).payload(64),
  'TCP over IPv4': () => from4().tcp(port(), 443).payload(64),
  'SCTP over IPv4': () => from4().sctp(port(), 3868).payload(64),
  'UDP over IPv6': () => from6().udp(port(), 53).payload(64),
  'TCP over IPv6': () => from6().tcp(port(), 443).payload(64),
  'UDP over IPv6 with an extension header': () => from6().destinationOptions(8).udp(port(), 53).payload(64),
  'echo request over IPv4': () => from4().icmpEcho(port()).payload(56),
  'ICMP error': () => from4().icmpError(3, 4, packet().ipv4('192.0.2.1', address4()).tcp(443, port()).build()),
  'ICMPv6 error': () => from6().icmpError(2, 0, packet().ipv6('2001:db8::1', address6()).tcp(443, port()).build()),
} as const satisfies Record<string, () => PacketBuilder>;

export type Traffic = keyof typeof TRAFFIC;

/** First and later fragments of a few datagrams: known, out of order and duplicate. */
export const FRAGMENTS: readonly (() => PacketBuilder)[] = [
  () =>
    from4()
      .fragment({ id: random() & 0xff, offset: 0, more: true })
      .udp(port(), 53)
      .payload(64),
  () =>
    packet()
      .ipv4('10.0.0.2', '192.0.2.1')
      .fragment({ id: random() & 0xff, offset: 0, more: true })
      .udp(port(), 53)
      .payload(64),
  () =>
    packet()
      .ipv4('10.0.0.2', '192.0.2.1')
      .fragment({ id: random() & 0xff, offset: 72, more: false })
      .protocol(17)
      .payload(64),
  () =>
    packet()
      .ipv6('2001:db8::2', '2001:db8::1')
      .fragment({ id: random() & 0xff, offset: 0, more: true })
      .udp(port(), 53)
      .payload(64),
  () =>
    packet()
      .ipv6('2001:db8::2', '2001:db8::1')
      .fragment({ id: random() & 0xff, offset: 72, more: false })
      .payload(64),
];

/** A batch of {@link PACKETS} packets, a random mix of these kinds. */
export function batchOf(...kinds: readonly (Traffic | (() => Pick<PacketBuilder, 'build'>))[]): PacketBatch {
  return packetBatch(PACKETS, SLOT, () => {
    const kind = kinds[random() % kinds.length]!;
    return (typeof kind === 'string' ? TRAFFIC[kind] : kind)().build();
  });
}

/**
 * A batch of these packets.
 *
 * @param slot octets that each takes in the region, at least its length
 */
export function packetBatch(count: number, slot: number, packetAt: (i: number) => Uint8Array): PacketBatch {
  const batch: PacketBatch = {
    bytes: new Uint8Array(count * slot),
    offset: Uint32Array.from({ length: count }, (_, i) => i * slot),
    length: new Uint32Array(count),
    etherType: new Uint16Array(count),
    mark: new Int32Array(count),
  };
  for (let i = 0; i < count; i++) {
    const octets = packetAt(i);
    batch.bytes.set(octets, batch.offset[i]);
    batch.length[i] = octets.length;
    batch.etherType[i] = octets[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
  }
  return batch;
}

/** Decides all packets of a batch, as a worker does (packages/daemon/src/worker/batch-decider.ts), without counting. */
export function decideBatch(balancer: Balancer, { bytes, offset, length, etherType, mark }: PacketBatch, count: number): void {
  balancer.refresh();
  for (let i = 0; i < count; i++) mark[i] = balancer.decide(bytes, offset[i]!, length[i]!, etherType[i]!);
}
