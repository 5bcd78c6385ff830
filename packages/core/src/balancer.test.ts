import { describe, expect, test } from 'vitest';
import { Balancer, type BalancerOptions } from './balancer.js';
import { Kind } from './key/kind.js';
import { FwmarkLookup } from './maglev/fwmark-lookup.js';
import { TargetTable } from './maglev/target-table.js';
import { DROP } from './packet-batch.js';
import { type PacketBuilder, packet } from './packet-builder/index.js';
import { Reason } from './reason.js';
import { ETH_P_IP, ETH_P_IPV6 } from './wire/ethertype.js';

const CLIENT4 = '10.0.0.2';
const VIP4 = '10.0.0.1';
const CLIENT6 = '1000::2';
const VIP6 = '1000::1';

function balancing(fwmarks: readonly number[], options: BalancerOptions = {}): { balancer: Balancer; table: TargetTable } {
  const size = { M: 997, N: 32 };
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(size)), size);
  table.activate(fwmarks.map((fwmark) => ({ fwmark })));
  return { balancer: new Balancer(new FwmarkLookup(table), options), table };
}

const etherTypeOf = (bytes: Uint8Array): number => (bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP);

function decide(balancer: Balancer, builder: PacketBuilder): number {
  const bytes = builder.build();
  return balancer.decide(bytes, 0, bytes.length, etherTypeOf(bytes));
}

const TARGETS = [101, 102, 103, 104];

describe('a packet', () => {
  test.each([
    ['TCP over IPv4', packet().ipv4(CLIENT4, VIP4).tcp(4711, 80), Kind.Normal],
    ['UDP over IPv6', packet().ipv6(CLIENT6, VIP6).udp(4711, 80), Kind.Normal],
    ['an echo request', packet().ipv4(CLIENT4, VIP4).icmpEcho(7), Kind.Icmp],
    ['GRE', packet().ipv4(CLIENT4, VIP4).protocol(47).payload(8), Kind.AddressesOnly],
  ])('%s goes to the target chosen by its hash', (_name, builder, kind) => {
    const { balancer, table } = balancing(TARGETS);
    const fwmark = decide(balancer, builder);
    expect(balancer).toMatchObject({ kind, reason: Reason.Balanced, hash: balancer.key.hashAll() >>> 0, bucket: balancer.hash % 997 });
    expect(fwmark).toBe(table.active[table.lookup[balancer.bucket]!]);
  });

  test('that is an ICMP error goes to the target of the quoted connection, whoever sent the error', () => {
    const { balancer } = balancing(TARGETS);
    for (let port = 1024; port < 1124; port++) {
      const connection = decide(balancer, packet().ipv4(CLIENT4, VIP4).tcp(port, 80));
      const reply = packet().ipv4(VIP4, CLIENT4).tcp(80, port).build();
      const router = `192.168.${port % 200}.1`;
      expect(decide(balancer, packet().ipv4(router, VIP4).icmpError(3, 4, reply))).toBe(connection);
    }
  });

  test('goes to a target whose fwmark is 0', () => {
    const { balancer } = balancing([0]);
    expect(decide(balancer, packet().ipv4(CLIENT4, VIP4).udp(4711, 80))).toBe(0);
    expect(balancer.reason).toBe(Reason.Balanced);
  });

  test('that is malformed is dropped', () => {
    const { balancer } = balancing(TARGETS);
    const bytes = packet().ipv4(CLIENT4, VIP4).tcp(4711, 80).build();
    expect(balancer.decide(bytes, 0, 22, ETH_P_IP)).toBe(DROP);
    expect(balancer).toMatchObject({ kind: Kind.Malformed, reason: Reason.Malformed, bucket: -1 });
  });

  test('that is neither IPv4 nor IPv6 is dropped', () => {
    const { balancer } = balancing(TARGETS);
    expect(balancer.decide(new Uint8Array(64), 0, 64, 0x0806)).toBe(DROP);
    expect(balancer.reason).toBe(Reason.NotIp);
  });

  test.each([
    ['first', packet().ipv4(CLIENT4, VIP4).fragment({ id: 7, offset: 0, more: true }).udp(4711, 80).payload(8)],
    ['later', packet().ipv6(CLIENT6, VIP6).fragment({ id: 7, offset: 8, more: false }).payload(8)],
  ])('that is a %s fragment is dropped without a fragment table', (_name, builder) => {
    const { balancer } = balancing(TARGETS);
    expect(decide(balancer, builder)).toBe(DROP);
    expect(balancer.reason).toBe(Reason.FragmentNoRoom);
  });
});

describe('without an active target', () => {
  test('packets are dropped', () => {
    const { balancer } = balancing([]);
    expect(decide(balancer, packet().ipv4(CLIENT4, VIP4).udp(4711, 80))).toBe(DROP);
    expect(balancer.reason).toBe(Reason.NoTarget);
  });

  test('packets get the fwmark configured for that, including 0', () => {
    for (const noTargetsFwmark of [0, 99]) {
      const { balancer } = balancing([], { noTargetsFwmark });
      expect(decide(balancer, packet().ipv4(CLIENT4, VIP4).udp(4711, 80))).toBe(noTargetsFwmark);
      expect(balancer.reason).toBe(Reason.NoTarget);
    }
  });
});

describe('SCTP', () => {
  const paths = [
    packet().ipv4(CLIENT4, VIP4).sctp(3868, 3868),
    packet().ipv4('10.9.9.9', '10.0.9.1').sctp(3868, 3868),
    packet().ipv6(CLIENT6, VIP6).sctp(3868, 3868),
  ];

  test('is hashed by its ports alone: all paths of an association reach one target', () => {
    const { balancer } = balancing(TARGETS);
    expect(new Set(paths.map((path) => decide(balancer, path))).size).toBe(1);
    expect(balancer.hash).toBe(balancer.key.hashPorts() >>> 0);
  });

  test('is also hashed by its addresses with hash mode 0', () => {
    const { balancer } = balancing(TARGETS, { hashMode: 0 });
    decide(balancer, paths[0]!);
    expect(balancer.hash).toBe(balancer.key.hashAll() >>> 0);
  });

  test('in UDP goes to the same target as plain SCTP with the same ports, if the encapsulation port is configured', () => {
    const { balancer } = balancing(TARGETS, { udpEncapPort: 9899 });
    const plain = decide(balancer, paths[0]!);
    const inner = packet().ipv4(CLIENT4, VIP4).sctp(3868, 3868).build().slice(20);
    expect(decide(balancer, packet().ipv4(CLIENT4, VIP4).udp(9899, 9899).payload(inner))).toBe(plain);
    expect(balancer.kind).toBe(Kind.UdpEncap);
  });
});

test('a packet is decided anywhere in the region, by the table as of the last refresh', () => {
  const { balancer, table } = balancing(TARGETS);
  const packets = [
    packet().ipv4(CLIENT4, VIP4).udp(4711, 80).build(),
    packet().ipv6(CLIENT6, VIP6).tcp(4711, 80).build(),
    new Uint8Array(10),
  ];
  const region = new Uint8Array(1000);
  const decideInRegion = (at: number): number[] =>
    packets.map((bytes) => {
      region.fill(0xff);
      region.set(bytes, at);
      return balancer.decide(region, at, bytes.length, etherTypeOf(bytes));
    });
  const alone = packets.map((bytes) => balancer.decide(bytes, 0, bytes.length, etherTypeOf(bytes)));
  expect(alone[2]).toBe(DROP);
  for (const at of [3, 500, 1000 - 80]) expect(decideInRegion(at)).toEqual(alone);

  table.deactivate(TARGETS);
  table.activate([{ fwmark: 7 }]);
  expect(decideInRegion(3)).toEqual(alone);
  balancer.refresh();
  expect(decideInRegion(3)).toEqual([7, 7, DROP]);
});
