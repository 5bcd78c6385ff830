import { describe, expect, test } from 'vitest';
import { Balancer, type BalancerOptions } from './balancer.js';
import { FragmentTable } from './fragments/fragment-table.js';
import type { FragmentTableOptions } from './fragments/layout.js';
import { STATISTICS_LENGTH } from './fragments/statistics.js';
import { FwmarkLookup } from './maglev/fwmark-lookup.js';
import { TargetTable } from './maglev/target-table.js';
import { DROP, STORED } from './packet-batch.js';
import { type PacketBuilder, packet } from './packet-builder/index.js';
import { REASON_NAMES } from './reason.js';
import { fragments } from './testing/fragments.js';
import { HASH_KEY } from './testing/naive-fragments.js';
import { ETH_P_IP, ETH_P_IPV6 } from './wire/ethertype.js';

const TARGETS = [101, 102, 103, 104, 105];
const TIER = [201, 202, 203];
const ROOM: FragmentTableOptions = { size: 499, buckets: 500, fragments: 100, mtu: 1500, ttl: 200, holes: 0 };

function lookupOf(fwmarks: readonly number[], ownFwmark = 0): FwmarkLookup {
  const options = { M: 997, N: 32, ownFwmark };
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(options)), options);
  table.activate(fwmarks.map((fwmark) => ({ fwmark })));
  return new FwmarkLookup(table);
}

/** A load balancer with a fragment table. */
class Host {
  readonly balancer: Balancer;
  /** Stored fragments that were reinjected. */
  readonly tun: Uint8Array[] = [];

  constructor(options: BalancerOptions = {}, targets: readonly number[] = TARGETS, room: FragmentTableOptions = ROOM) {
    const table = new FragmentTable(
      FragmentTable.createMemory(room, HASH_KEY),
      room,
      new Uint32Array(STATISTICS_LENGTH / 4),
      (bytes, at, length) => this.tun.push(bytes.slice(at, at + length)),
    );
    this.balancer = new Balancer(lookupOf(targets), { ...options, fragments: table });
  }

  /** @returns fwmark or verdict, and the reason */
  decide(bytes: Uint8Array): [number, string] {
    const fwmark = this.balancer.decide(bytes, 0, bytes.length, bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP);
    return [fwmark, REASON_NAMES[this.balancer.reason]!];
  }
}

const udpV4 = (port: number): PacketBuilder => packet().ipv4('10.0.0.2', '10.0.0.1').udp(port, 5001).payload(4000);
const udpV6 = (port: number): PacketBuilder => packet().ipv6('2001:db8::2', '2001:db8::1').udp(port, 5001).payload(4000);
const pingV4 = (id: number): PacketBuilder => packet().ipv4('10.0.0.2', '10.0.0.1').icmpEcho(id).payload(20_000);
const pingV6 = (id: number): PacketBuilder => packet().ipv6('2001:db8::2', '2001:db8::1').icmpEcho(id).payload(20_000);

describe.each([
  ['UDP over IPv4', udpV4],
  ['UDP over IPv6', udpV6],
  ['ping over IPv4', pingV4],
  ['ping over IPv6', pingV6],
])('%s', (_name, whole) => {
  const trains = Array.from({ length: 100 }, (_, i) => ({
    whole: whole(1024 + i).build(),
    parts: fragments(whole(1024 + i).build(), 1500, i + 1),
  }));

  test('in fragments goes to the same target as unfragmented', () => {
    const host = new Host();
    const targets = new Set<number>();
    for (const { whole: bytes, parts } of trains) {
      const [fwmark] = host.decide(bytes);
      targets.add(fwmark);
      parts.forEach((part, i) => {
        expect(host.decide(part)).toEqual([fwmark, i === 0 ? 'balanced' : 'fragment-known']);
      });
    }
    expect(targets.size).toBe(TARGETS.length);
  });

  test('in reversed fragments does, too, through the tun device', () => {
    const host = new Host();
    for (const { whole: bytes, parts } of trains) {
      const [fwmark] = host.decide(bytes);
      const backwards = [...parts].reverse();
      for (const part of backwards.slice(0, -1)) expect(host.decide(part)).toEqual([STORED, 'fragment-stored']);
      expect(host.decide(parts[0]!)).toEqual([fwmark, 'balanced']);
      // Not `toEqual`, which takes milliseconds for each of them.
      expect(Buffer.concat(host.tun).equals(Buffer.concat(backwards.slice(0, -1)))).toBe(true);
      for (const part of host.tun.splice(0)) expect(host.decide(part)).toEqual([fwmark, 'fragment-known']);
    }
  });

  test('in fragments spread over a tier: each is forwarded within the tier at most once, and all reach one target', () => {
    const hosts = new Map(TIER.map((own) => [own, new Host({ tier: lookupOf(TIER, own) })]));
    const handlers = new Set<number>();
    trains.forEach(({ whole: bytes, parts }, n) => {
      const [expected] = hosts.get(201)!.decide(bytes);
      const handler = new Set<number>();
      const arrived: number[] = [];
      parts.forEach((part, i) => {
        let at = TIER[(n + i) % TIER.length]!;
        let [fwmark, reason] = hosts.get(at)!.decide(part);
        if (reason === 'fragment-to-tier') {
          at = fwmark;
          [fwmark, reason] = hosts.get(at)!.decide(part);
        }
        expect(reason).not.toBe('fragment-to-tier');
        handler.add(at);
        arrived.push(fwmark);
      });
      expect(arrived).toEqual(parts.map(() => expected));
      expect(handler.size).toBe(1);
      for (const own of handler) handlers.add(own);
    });
    expect(handlers.size).toBe(1); // The addresses decide, and they are the same for all datagrams here.
  });
});

test('different addresses are handled by different load balancers of a tier, each by exactly one', () => {
  const hosts = TIER.map((own) => new Host({ tier: lookupOf(TIER, own) }));
  const own = TIER.map(() => 0);
  for (let i = 2; i < 250; i++) {
    const [first] = fragments(packet().ipv4(`10.0.1.${i}`, '10.0.0.1').udp(4711, 5001).payload(4000).build(), 1500, 7);
    const answers = hosts.map((host) => host.decide(first!));
    const handling = answers.flatMap(([, reason], n) => (reason === 'balanced' ? [n] : []));
    expect(handling).toHaveLength(1);
    own[handling[0]!]!++;
    for (const [fwmark, reason] of answers) if (reason === 'fragment-to-tier') expect(fwmark).toBe(TIER[handling[0]!]);
  }
  for (const count of own) expect(count).toBeGreaterThan(40);
});

test('unfragmented packets are not forwarded to another load balancer of the tier', () => {
  const hosts = TIER.map((own) => new Host({ tier: lookupOf(TIER, own) }));
  for (const host of hosts) expect(host.decide(packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 80).build())[1]).toBe('balanced');
});

test('with an empty tier, fragments are handled locally', () => {
  const host = new Host({ tier: lookupOf([]) });
  expect(host.decide(fragments(udpV4(4711).build(), 1500)[0]!)[1]).toBe('balanced');
});

describe('without targets', () => {
  const [first, middle, last] = fragments(udpV4(4711).build(), 1500) as [Uint8Array, Uint8Array, Uint8Array];

  test('all fragments of a datagram are dropped from the first one on', () => {
    const host = new Host({}, []);
    expect(host.decide(first)).toEqual([DROP, 'no-target']);
    expect(host.decide(middle)).toEqual([DROP, 'fragment-poisoned']);
  });

  test('all fragments of a datagram get the fwmark configured for that', () => {
    const host = new Host({ noTargetsFwmark: 7 }, []);
    expect(host.decide(last)).toEqual([STORED, 'fragment-stored']);
    expect(host.decide(first)).toEqual([7, 'no-target']);
    expect([...host.tun, middle].map((part) => host.decide(part))).toEqual([
      [7, 'fragment-known'],
      [7, 'fragment-known'],
    ]);
  });
});

test('each lack of room has its reason', () => {
  const [first, middle, last] = fragments(udpV4(4711).build(), 1500, 7) as [Uint8Array, Uint8Array, Uint8Array];
  const full = new Host({}, TARGETS, { ...ROOM, fragments: 1 });
  expect([middle, last, first].map((part) => full.decide(part)[1])).toEqual(['fragment-stored', 'fragment-no-room', 'fragment-poisoned']);
  const short = new Host({}, TARGETS, { ...ROOM, mtu: 1000 });
  expect(short.decide(middle)).toEqual([DROP, 'fragment-too-long']);
});

test.each([
  [
    'a first fragment that ends before its ports',
    packet().ipv4('10.0.0.2', '10.0.0.1').fragment({ id: 7, offset: 0, more: true }).protocol(6).payload(2),
  ],
  [
    'one that ends beyond the maximum datagram length',
    packet().ipv4('10.0.0.2', '10.0.0.1').fragment({ id: 7, offset: 65528, more: false }).protocol(17).payload(40),
  ],
  [
    'one over IPv6 that ends beyond the maximum datagram length',
    packet().ipv6('1000::2', '1000::1').fragment({ id: 7, offset: 65528, more: false }).payload(16),
  ],
  [
    'a fragmented ICMP error',
    packet().ipv4('10.0.0.9', '10.0.0.1').fragment({ id: 7, offset: 0, more: true }).icmpError(3, 4, udpV4(1).build()),
  ],
])('%s is malformed', (_name, builder) => {
  const host = new Host();
  expect(host.decide(builder.build())).toEqual([DROP, 'malformed']);
});

describe('a fragment that is not the last must carry a nonzero multiple of 8 octets', () => {
  const datagram = (ip: PacketBuilder): PacketBuilder => ip.udp(1024, 5001).payload(4000);
  /** A fragment of a datagram, the middle one by default, with another length in its headers. */
  function cutTo(octets: number, family: 4 | 6, part = 1): Uint8Array {
    const ip = family === 4 ? packet().ipv4('10.0.0.2', '10.0.0.1') : packet().ipv6('2001:db8::2', '2001:db8::1');
    const bytes = fragments(datagram(ip).build(), 1500, 7)[part]!;
    const length = (family === 4 ? 20 : 8) + octets;
    new DataView(bytes.buffer, bytes.byteOffset).setUint16(family === 4 ? 2 : 4, length);
    return bytes.subarray(0, (family === 4 ? 0 : 40) + length);
  }

  test.each([4, 6] as const)('IPv%i', (family) => {
    for (const [octets, part, decision] of [
      [0, 1, [DROP, 'malformed']],
      [4, 1, [DROP, 'malformed']],
      [8, 1, [STORED, 'fragment-stored']],
      [13, 0, [DROP, 'malformed']],
      [13, 2, [STORED, 'fragment-stored']],
      [0, 2, [STORED, 'fragment-stored']],
    ] as const) {
      const host = new Host();
      expect([octets, part, host.decide(cutTo(octets, family, part))]).toEqual([octets, part, decision]);
    }
  });
});
