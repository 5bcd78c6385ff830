import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packet } from '../packet-builder/index.js';
import { fragments } from '../testing/fragments.js';
import { type NaiveKey, naiveKey } from '../testing/naive-key.js';
import { runs } from '../testing/runs.js';
import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';
import { extractKey } from './extract.js';
import { KIND_NAMES, Kind } from './kind.js';
import { PacketKey } from './packet-key.js';

/** A golden vector: correct by construction, see test-data/README.md. */
interface PacketVector {
  readonly i: number;
  readonly name: string;
  readonly hex: string;
  readonly ethertype: 'ipv4' | 'ipv6';
  readonly udpencap: number;
  readonly expected: {
    readonly kind: string;
    readonly sport?: number;
    readonly dport?: number;
    readonly proto?: number;
    readonly echoId?: number;
    readonly fragId?: number;
    readonly keyHex?: string;
    readonly addrHash?: number;
  };
}

const vectors: PacketVector[] = ['packets', 'packets-mixed'].flatMap(
  (name) => JSON.parse(readFileSync(new URL(`../../test-data/vectors/${name}.json`, import.meta.url), 'utf8')) as PacketVector[],
);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** One key for all tests, as in a balancer: nothing from the previous packet may remain in it. */
const key = new PacketKey();

describe('golden vectors', () => {
  test.each(vectors.map((vector) => [`${vector.i} ${vector.name}`, vector] as const))('%s', (_name, { expected, ...vector }) => {
    const packet = Buffer.from(vector.hex, 'hex');
    const kind = extractKey(key, packet, 0, packet.length, vector.ethertype === 'ipv4' ? ETH_P_IP : ETH_P_IPV6, vector.udpencap);
    expect(KIND_NAMES[kind]).toBe(expected.kind);
    if (kind === Kind.Malformed) return;
    expect(hex(key.bytes)).toBe(expected.keyHex);
    expect(key.hashAddresses() >>> 0).toBe(expected.addrHash);
    if (expected.sport !== undefined) expect([key.sourcePort, key.destinationPort]).toEqual([expected.sport, expected.dport]);
    if (expected.proto !== undefined) expect(key.protocol).toBe(expected.proto);
    if (expected.echoId !== undefined) expect(key.echoId).toBe(expected.echoId);
    if (kind === Kind.FirstFragment) expect(key.fragmentId >>> 0).toBe(expected.fragId);
    if (kind === Kind.Fragment) expect(Buffer.from(key.bytes).readUInt32LE(32)).toBe(expected.fragId);
  });
});

/** Kind, key and fragment ID of the packet at `before` in a region. */
function extractIn(region: Uint8Array, before: number, length: number, etherType: number, encap: number): NaiveKey {
  const kind = extractKey(key, region, before, length, etherType, encap);
  if (kind === Kind.Malformed) return { kind: 'malformed' };
  const known = { kind: KIND_NAMES[kind]!, key: hex(key.bytes) };
  if (kind !== Kind.FirstFragment && kind !== Kind.Fragment) {
    expect(key.fragmentId).toBe(0);
    return known;
  }
  const id = Buffer.alloc(4);
  id.writeInt32LE(key.fragmentId);
  // 16 bits in IPv4, 32 in IPv6.
  const part = [key.fragmentBegin, key.fragmentEnd, key.moreFragments] as const;
  return { ...known, id: hex(etherType === ETH_P_IP ? id.subarray(0, 2) : id), part };
}

const octetsOf = (hexes: string): Uint8Array => new Uint8Array(Buffer.from(hexes, 'hex'));
const IPV4 = vectors.filter(({ ethertype }) => ethertype === 'ipv4').map((vector) => octetsOf(vector.hex));
const IPV6 = vectors.filter(({ ethertype }) => ethertype === 'ipv6').map((vector) => octetsOf(vector.hex));

/** A valid packet with some octets or bits changed, and truncated: most of these are still parsed far into their headers. */
const mutated = (packets: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> =>
  fc
    .record({
      packet: fc.constantFrom(...packets),
      changes: fc.array(fc.record({ at: fc.nat(90), octet: fc.constantFrom(0, 1, 6, 17, 43, 44, 58, 60, 132, 255) }), { maxLength: 4 }),
      flips: fc.array(fc.record({ at: fc.nat(90), bit: fc.nat(7) }), { maxLength: 2 }),
      cut: fc.nat(40),
    })
    .map(({ packet, changes, flips, cut }) => {
      const bytes = packet.slice(0, Math.max(0, packet.length - cut));
      for (const { at, octet } of changes) if (at < bytes.length) bytes[at] = octet;
      for (const { at, bit } of flips) if (at < bytes.length) bytes[at]! ^= 1 << bit;
      return bytes;
    });

const anyPacket = fc.oneof(
  fc.record({ bytes: mutated(IPV4), etherType: fc.constant(ETH_P_IP) }),
  fc.record({ bytes: mutated(IPV6), etherType: fc.constant(ETH_P_IPV6) }),
  fc.record({ bytes: fc.uint8Array({ maxLength: 200 }), etherType: fc.constantFrom(ETH_P_IP, ETH_P_IPV6) }),
  fc.record({ bytes: chains(), etherType: fc.constant(ETH_P_IPV6) }),
);

/** IPv6 with any chain of headers, with correct lengths or not. */
function chains(): fc.Arbitrary<Uint8Array> {
  const header = fc.tuple(
    fc.constantFrom(0, 43, 44, 60, 17, 58),
    fc.constantFrom(0, 0, 1, 31, 255),
    fc.uint8Array({ minLength: 6, maxLength: 14 }),
  );
  return fc.tuple(fc.constantFrom(0, 43, 44, 60), fc.array(header, { maxLength: 12 })).map(([first, headers]) => {
    const chain = headers.flatMap(([next, length, body]) => [next, length, ...body]);
    return Uint8Array.from([0x60, 0, 0, 0, 0, 0, first, 64, ...new Array<number>(32).fill(7), ...chain]);
  });
}

const encapPort = fc.constantFrom(0, 9899, 257);

describe('arbitrary octets', () => {
  test('give the same result as a second, naive implementation of the specification', () => {
    fc.assert(
      fc.property(anyPacket, encapPort, ({ bytes, etherType }, encap) => {
        const actual = extractIn(bytes, 0, bytes.length, etherType, encap);
        expect(actual).toEqual(naiveKey(bytes, etherType === ETH_P_IPV6, encap));
      }),
      { numRuns: runs(20_000) },
    );
  });

  test('give the same result at any offset in any region: nothing outside is read', () => {
    // Octets that look like a continuation of the packet: each is a plausible protocol, length or port.
    const surroundings = fc.oneof(
      fc.tuple(fc.nat(9), fc.nat(60), fc.constantFrom(0, 6, 17, 44, 255)).map(([before, after, octet]) => ({
        before: new Uint8Array(before).fill(octet),
        after: new Uint8Array(after).fill(octet),
      })),
      fc.record({ before: fc.uint8Array({ maxLength: 9 }), after: fc.uint8Array({ maxLength: 60 }) }),
    );
    fc.assert(
      fc.property(anyPacket, encapPort, surroundings, ({ bytes, etherType }, encap, { before, after }) => {
        const alone = extractIn(bytes, 0, bytes.length, etherType, encap);
        const region = Uint8Array.from([...before, ...bytes, ...after]);
        expect(extractIn(region, before.length, bytes.length, etherType, encap)).toEqual(alone);
      }),
      { numRuns: runs(20_000) },
    );
  });

  test('of every vector, truncated to every length, give the same result as the naive implementation', () => {
    for (const { hex: octets, ethertype, udpencap } of vectors) {
      const packet = octetsOf(octets);
      for (let length = 0; length <= packet.length; length++) {
        const cut = packet.slice(0, length);
        const actual = extractIn(packet, 0, length, ethertype === 'ipv4' ? ETH_P_IP : ETH_P_IPV6, udpencap);
        expect(actual).toEqual(naiveKey(cut, ethertype === 'ipv6', udpencap));
      }
    }
  });

  test('of another EtherType are malformed', () => {
    expect(extractIn(IPV4[0]!, 0, IPV4[0]!.length, 0x0806, 0)).toEqual({ kind: 'malformed' });
  });
});

describe('what C nfqlb gets wrong', () => {
  const client = '2001:db8::2';
  const vip = '2001:db8::1';

  test('an extension header is (len+1)·8 octets long, and one of 8 octets is not refused', () => {
    for (const length of [8, 16, 264]) {
      const bytes = packet().ipv6(client, vip).hopByHop(length).udp(4711, 5001).build();
      expect(keyOf(bytes)).toMatchObject({ kind: Kind.Normal, sport: 4711, dport: 5001 });
    }
  });

  test('the ports of an IPv6 first fragment follow the fragment header: it has the same hash as an unfragmented packet', () => {
    const whole = keyOf(packet().ipv6(client, vip).udp(4711, 5001).build());
    const first = keyOf(packet().ipv6(client, vip).fragment({ id: 7, offset: 0, more: true }).udp(4711, 5001).payload(8).build());
    expect(first).toMatchObject({ kind: Kind.FirstFragment, hash: whole.hash });
  });

  test('a header that ends with the packet is complete', () => {
    const whole = packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 5001).build();
    expect(keyOf(whole.slice(0, 24))).toMatchObject({ kind: Kind.Normal, sport: 4711, dport: 5001 });
  });

  test('an ICMP error whose quote ends right after the ports belongs to the quoted connection', () => {
    const quote4 = packet().ipv4('10.0.0.1', '10.0.0.2').udp(5001, 4711).payload(8).cut(24).build();
    const quote6 = packet().ipv6(vip, client).udp(5001, 4711).payload(8).cut(44).build();
    for (const builder of [
      packet().ipv4('10.0.0.9', '10.0.0.1').icmpError(3, 4, quote4),
      packet().ipv6(client, vip).icmpError(2, 0, quote6),
    ]) {
      expect(keyOf(builder.build())).toMatchObject({ kind: Kind.IcmpInner, sport: 4711, dport: 5001 });
    }
  });

  test.each([
    ['ICMP', packet().ipv4('10.0.0.2', '10.0.0.1'), 20],
    ['ICMPv6', packet().ipv6(client, vip), 40],
  ])('a truncated %s header is malformed', (_name, ip, header) => {
    const whole = ip.icmpEcho(7);
    expect(keyOf(whole.build()).kind).toBe(Kind.Icmp);
    for (let length = header; length < header + 8; length++) expect(keyOf(whole.cut(length).build()).kind).toBe(Kind.Malformed);
  });

  test.each([
    ['time exceeded', 3],
    ['parameter problem', 4],
  ])('ICMPv6 %s belongs to the quoted connection', (_name, type) => {
    const reply = packet().ipv6(vip, client).tcp(80, 4711).build();
    const error = keyOf(packet().ipv6('2001:db8::99', vip).icmpError(type, 0, reply).build());
    const connection = keyOf(packet().ipv6(client, vip).tcp(4711, 80).build());
    expect(error).toMatchObject({ kind: Kind.IcmpInner, hash: connection.hash });
  });

  test.each([
    ['IPv4', packet().ipv4('10.0.0.9', '10.0.0.1'), packet().ipv4('10.0.0.1', '10.0.0.2'), 11],
    ['IPv6', packet().ipv6('2001:db8::99', vip), packet().ipv6(vip, client), 3],
  ])('%s: a quoted later fragment has no ports', (_name, router, target, type) => {
    const reply = target.fragment({ id: 7, offset: 1480, more: false }).protocol(17).payload(20).build();
    expect(keyOf(router.icmpError(type, 1, reply).build())).toMatchObject({ kind: Kind.IcmpInner, sport: 0, dport: 0 });
  });

  test.each([
    ['after the fragment header', packet().ipv6(client, vip).fragment({ id: 7, offset: 0, more: true }).destinationOptions(8)],
    ['of more than 8 octets before it', packet().ipv6(client, vip).hopByHop(16).fragment({ id: 7, offset: 0, more: true })],
  ])('the packet that hangs it forever, with an extension header %s, is parsed completely', (_name, headers) => {
    expect(keyOf(headers.udp(4711, 5001).payload(8).build())).toMatchObject({ kind: Kind.FirstFragment, sport: 4711, dport: 5001 });
  });

  test('a truncated IPv6 fragment header is malformed', () => {
    const whole = packet().ipv6(client, vip).fragment({ id: 7, offset: 8, more: false }).payload(8);
    expect(keyOf(whole.build()).kind).toBe(Kind.Fragment);
    for (let length = 40; length < 48; length++) expect(keyOf(whole.cut(length).build()).kind).toBe(Kind.Malformed);
  });

  test('all fragments of a datagram have the same L3 hash, and the first has the ports of the datagram', () => {
    for (const ip of [packet().ipv4('10.0.0.2', '10.0.0.1'), packet().ipv6(client, vip).hopByHop(16)]) {
      const whole = ip.udp(4711, 5001).payload(4000).build();
      const [first, ...later] = fragments(whole, 1500, 7).map(keyOf);
      expect(first).toMatchObject({ kind: Kind.FirstFragment, hash: keyOf(whole).hash });
      expect(later.map(({ kind }) => kind)).toEqual([Kind.Fragment, Kind.Fragment]);
      expect(later.map(({ addressHash }) => addressHash)).toEqual([first!.addressHash, first!.addressHash]);
    }
  });
});

describe('the transport header', () => {
  const udp = packet().ipv4('10.0.0.2', '10.0.0.1', { options: 8 }).udp(1, 9899);
  const inUdp = udp.payload(packet().ipv4('1.1.1.1', '1.1.1.1').sctp(1, 2).build().slice(20)).build();

  test.each<[string, Uint8Array, number, number, number]>([
    ['IPv4 with options', udp.payload(5).build(), 0, 28, 13],
    ['IPv6 with extension headers', packet().ipv6('::2', '::1').hopByHop(16).routing(24).tcp(1, 2).build(), 0, 80, 20],
    ['SCTP in UDP', inUdp, 9899, 36, 12],
    ['a first fragment', packet().ipv6('::2', '::1').fragment({ id: 7, offset: 0, more: true }).sctp(1, 2).build(), 0, 48, 12],
    ['truncated after the ports', udp.cut(33).build(), 0, 28, 5],
  ])('%s', (_name, bytes, encap, at, length) => {
    const region = Uint8Array.from([1, 2, 3, ...bytes, 4, 5]);
    extractKey(key, region, 3, bytes.length, bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP, encap);
    expect([key.transportAt, key.transportLength]).toEqual([3 + at, length]);
  });

  test('is absent without ports, and for a quoted packet, which traveled the other way', () => {
    const ip = packet().ipv4('10.0.0.2', '10.0.0.1');
    const later = ip.fragment({ id: 7, offset: 8, more: false }).protocol(17).payload(20);
    for (const builder of [ip.icmpEcho(7), ip.protocol(47).payload(20), later, ip.icmpError(3, 4, udp.build())]) {
      keyOf(inUdp);
      expect(key.transportLength).toBeGreaterThan(0);
      keyOf(builder.build());
      expect(key.transportLength).toBe(0);
    }
  });
});

test('recognizes an echo request, even with id 0, but no reply or other packet', () => {
  for (const ip of [packet().ipv4('10.0.0.2', '10.0.0.1'), packet().ipv6('::2', '::1')]) {
    for (const [bytes, echo] of [
      [ip.icmpEcho(7), true],
      [ip.icmpEchoReply(7), false],
      [ip.icmpEcho(0), true],
      [ip.tcp(1, 2), false],
      [ip.fragment({ id: 7, offset: 0, more: true }).icmpEcho(0), true],
      [ip.icmpError(3, 1, ip.icmpEcho(7).build()), false],
    ] as const) {
      keyOf(bytes.build());
      expect(key.echoRequest).toBe(echo);
    }
  }
});

function keyOf(bytes: Uint8Array): { kind: Kind; sport: number; dport: number; hash: number; addressHash: number } {
  const kind = extractKey(key, bytes, 0, bytes.length, bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP, 0);
  return { kind, sport: key.sourcePort, dport: key.destinationPort, hash: key.hashAll(), addressHash: key.hashAddresses() };
}
