import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Balancer, type BalancerOptions } from './balancer.js';
import { FragmentTable } from './fragments/fragment-table.js';
import { STATISTICS_LENGTH } from './fragments/statistics.js';
import type { HashKey } from './hash/half-siphash.js';
import { Kind } from './key/kind.js';
import type { PacketKey } from './key/packet-key.js';
import { FwmarkLookup } from './maglev/fwmark-lookup.js';
import { TargetTable } from './maglev/target-table.js';
import { type PacketBuilder, packet } from './packet-builder/index.js';
import { anyPacket } from './testing/flow-arbitraries.js';
import { fragments } from './testing/fragments.js';
import { HASH_KEY } from './testing/naive-fragments.js';
import { naiveHalfSipHash } from './testing/naive-half-siphash.js';
import { runs } from './testing/runs.js';
import { ETH_P_IP, ETH_P_IPV6 } from './wire/ethertype.js';
import { IPPROTO_SCTP } from './wire/protocol.js';

const KEY: HashKey = [0x01234567, 0x89abcdef | 0];
const TARGETS = [101, 102, 103, 104];

function lookupOf(hashKey: HashKey | undefined, ownFwmark = 0): FwmarkLookup {
  const options = { M: 997, N: 32, hashKey, ownFwmark };
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(options)), options);
  table.activate(TARGETS.map((fwmark) => ({ fwmark })));
  return new FwmarkLookup(table);
}

const balancing = (hashKey: HashKey | undefined, options: BalancerOptions = {}): Balancer => new Balancer(lookupOf(hashKey), options);

const etherTypeOf = (bytes: Uint8Array): number => (bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP);

function decide(balancer: Balancer, bytes: Uint8Array): number {
  return balancer.decide(bytes, 0, bytes.length, etherTypeOf(bytes));
}

/** What is hashed of a packet, by the words of decision 15. */
function message(key: PacketKey, hashMode: 0 | 1): number[] {
  const ports = [...key.bytes.subarray(36, 40)];
  if (hashMode === 1 && key.protocol === IPPROTO_SCTP) return ports;
  return [...addresses(key), ...ports, ...key.bytes.subarray(32, 35)];
}

function addresses({ bytes, family }: PacketKey): number[] {
  const address = (at: number): number[] => [...bytes.subarray(family === 4 ? at + 12 : at, at + 16)];
  return [...address(0), ...address(16)];
}

/** Echo requests, by their id. */
const echo = fc
  .tuple(fc.nat(0xffff), fc.boolean())
  .map(([id, ipv6]) => (ipv6 ? packet().ipv6('1000::2', '1000::1') : packet().ipv4('10.0.0.2', '10.0.0.1')).icmpEcho(id).build());

test.each([0, 1] as const)('the bucket of any packet is that of an independent HalfSipHash, hash mode %d', (hashMode) => {
  const lookup = lookupOf(KEY);
  const balancer = new Balancer(lookup, { hashMode });
  let balanced = 0;
  fc.assert(
    fc.property(fc.oneof({ weight: 4, arbitrary: anyPacket }, { weight: 1, arbitrary: echo }), (bytes) => {
      decide(balancer, bytes);
      if (balancer.bucket < 0) return;
      balanced++;
      const expected = naiveHalfSipHash(message(balancer.key, hashMode), KEY[0], KEY[1]);
      expect([balancer.hash, balancer.bucket]).toEqual([expected, expected % 997]);
      expect(lookup.hashAddresses(balancer.key) >>> 0).toBe(naiveHalfSipHash(addresses(balancer.key), KEY[0], KEY[1]));
    }),
    { numRuns: runs(500) },
  );
  expect(balanced).toBeGreaterThan(50);
});

const connections = (count: number): PacketBuilder[] =>
  Array.from({ length: count }, (_, i) =>
    i % 2 === 0
      ? packet()
          .ipv4('10.0.0.2', '10.0.0.1')
          .udp(1024 + i, 80)
      : packet()
          .ipv6('1000::2', '1000::1')
          .udp(1024 + i, 80),
  );

test('two load balancers with one key agree; with another key, or djb2, they choose otherwise', () => {
  const decisions = (key: HashKey | undefined): number[] => connections(400).map((builder) => decide(balancing(key), builder.build()));
  const chosen = decisions(KEY);
  expect(decisions([...KEY])).toEqual(chosen);
  for (const other of [undefined, [KEY[0] + 1, KEY[1]], [KEY[0], KEY[1] + 1]] as const) {
    const same = decisions(other).filter((fwmark, i) => fwmark === chosen[i]).length;
    // A quarter by chance: 100, with a standard deviation of 9.
    expect(same).toBeLessThan(150);
  }
});

test('an ICMP error goes to the target of the quoted connection', () => {
  const balancer = balancing(KEY);
  for (let port = 1024; port < 1124; port++) {
    const connection = decide(balancer, packet().ipv4('10.0.0.2', '10.0.0.1').tcp(port, 80).build());
    const reply = packet().ipv4('10.0.0.1', '10.0.0.2').tcp(80, port).build();
    expect(
      decide(
        balancer,
        packet()
          .ipv4(`192.168.${port % 200}.1`, '10.0.0.1')
          .icmpError(3, 4, reply)
          .build(),
      ),
    ).toBe(connection);
    expect(balancer.kind).toBe(Kind.IcmpInner);
  }
});

test('all paths of an SCTP association reach one target', () => {
  const paths = [
    packet().ipv4('10.0.0.2', '10.0.0.1').sctp(3868, 3868),
    packet().ipv4('10.9.9.9', '10.0.9.1').sctp(3868, 3868),
    packet().ipv6('1000::2', '1000::1').sctp(3868, 3868),
  ];
  expect(new Set(paths.map((path) => decide(balancing(KEY), path.build()))).size).toBe(1);
});

test('in a tier with a keyed table, all fragments of a datagram go to one load balancer, which is another one without the key', () => {
  const ROOM = { size: 499, buckets: 500, fragments: 100, mtu: 1500, ttl: 200, holes: 0 };
  const host = (key: HashKey | undefined): Balancer => {
    const table = new FragmentTable(
      FragmentTable.createMemory(ROOM, HASH_KEY),
      ROOM,
      new Uint32Array(STATISTICS_LENGTH / 4),
      () => undefined,
    );
    return balancing(key, { fragments: table, tier: lookupOf(key, 999) });
  };
  const chosenBy = (key: HashKey | undefined): number[] =>
    Array.from({ length: 200 }, (_, i) => {
      const whole = i % 2 === 0 ? packet().ipv4(`10.0.1.${i}`, '10.0.0.1') : packet().ipv6(`1000::${i + 2}`, '1000::1');
      const train = fragments(whole.udp(5000, 5001).payload(4000).build(), 1500, i);
      const chosen = new Set(train.map((bytes) => decide(host(key), bytes)));
      expect(chosen.size).toBe(1);
      return [...chosen][0]!;
    });
  const keyed = chosenBy(KEY);
  expect(new Set(keyed)).toEqual(new Set(TARGETS));
  expect(chosenBy(undefined).filter((fwmark, i) => fwmark === keyed[i]).length).toBeLessThan(90);
});

describe('a keyed table', () => {
  const options = { M: 97, N: 3, hashKey: KEY };
  const create = (): ArrayBuffer => {
    const memory = new ArrayBuffer(TargetTable.byteLength(options));
    TargetTable.create(memory, options);
    return memory;
  };

  test('keeps its key', () => {
    expect(TargetTable.open(create()).hashKey).toEqual(KEY);
    const plain = { M: 97, N: 3 };
    expect(TargetTable.create(new ArrayBuffer(TargetTable.byteLength(plain)), plain).hashKey).toBeUndefined();
  });

  // A program that would hash with djb2 must not read it: versions before this one know 1 and 2 only.
  test('has version 3, all others version 2', () => {
    const versions = [KEY, undefined].map((hashKey) => {
      const memory = create();
      TargetTable.create(memory, { M: 97, N: 3, hashKey });
      const extension = Math.ceil((4 + new Uint32Array(memory)[3]!) / 64) * 64;
      return new Uint32Array(memory, extension)[1];
    });
    expect(versions).toEqual([3, 2]);
  });

  test('with an unknown hash is refused', () => {
    const memory = create();
    const extension = Math.ceil((4 + new Uint32Array(memory)[3]!) / 64) * 64;
    new Uint32Array(memory, extension)[8] = 2;
    expect(() => TargetTable.open(memory)).toThrow('a target table with hash 2; this program knows 0 (djb2) and 1 (HalfSipHash)');
  });

  test('has transitions', () => {
    const table = TargetTable.open(create());
    table.activate([{ fwmark: 1 }]);
    table.activate([{ fwmark: 2 }], { seconds: 60, now: 0 });
    expect(table.bucketsInTransition(1000)).toBeGreaterThan(0);
  });
});
