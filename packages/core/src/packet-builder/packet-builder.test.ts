import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { internetChecksum } from './checksum.js';
import { type PacketBuilder, packet } from './packet-builder.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const octets = (digits: string): Uint8Array => new Uint8Array(Buffer.from(digits, 'hex'));

// From packages/sim/captures/web-and-dns.pcap: the payload after the IP headers of packets sent by Linux.
const PING = '101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637';
const PING4 = `6d4e046b00000000bd67030000000000${PING}`;
const PING6 = `6d4e046b00000000ad4b040000000000${PING}`;
const QUOTE6 = `6002a1fa0036113f10000000000000000000000000000001fd0100000000000000000000000000200035d17e00367b06${'71'.repeat(30)}${'00'.repeat(16)}`;

describe('builds the same packets as Linux, including checksums', () => {
  test.each([
    [
      'UDP over IPv4',
      packet()
        .ipv4('192.168.1.13', '10.0.0.1')
        .udp(34712, 53)
        .payload(octets('71'.repeat(20))),
      `87980035001c3dc4${'71'.repeat(20)}`,
    ],
    [
      'UDP over IPv6',
      packet()
        .ipv6('fd01::27', '1000::1')
        .udp(33466, 53)
        .payload(octets('71'.repeat(21))),
      `82ba0035001d902c${'71'.repeat(21)}`,
    ],
    ['an echo request', packet().ipv4('192.168.1.10', '10.0.0.1').icmpEcho(0x191a).payload(octets(PING4)), `0800edf0191a0001${PING4}`],
    ['an ICMPv6 echo request', packet().ipv6('fd01::10', '1000::1').icmpEcho(0x191b).payload(octets(PING6)), `8000777e191b0001${PING6}`],
    ['an ICMPv6 error', packet().ipv6('fd01::20', '1000::1').icmpError(1, 4, octets(QUOTE6)), `0104de0d00000000${QUOTE6}`],
  ])('%s', (_name, builder, expected) => {
    const bytes = builder.build();
    expect(hex(bytes.subarray(bytes[0]! >> 4 === 4 ? 20 : 40))).toBe(expected);
  });
});

describe('builds the golden vectors', () => {
  const vectors = JSON.parse(readFileSync(new URL('../../test-data/vectors/packets.json', import.meta.url), 'utf8')) as {
    name: string;
    hex: string;
  }[];
  const filler = (digits: string, length: number): Uint8Array => octets(digits.repeat(length));
  const payload = Buffer.from('payload!');
  const PATH = ['227b:a519:e81e:f829:70e7:1b59:4f9e:b980', '2932:a206:d6aa:363a:913:b6d1:372c:da38'] as const;
  const CHAIN = ['295b:a6b:f6fa:f8b6:33e0:cffb:287:f2db', '2edb:b1f0:c8fd:56bb:a4e8:e133:89a1:3980'] as const;
  const LONG = ['2631:3bff:70df:54d3:c7fb:dd3d:f411:a9ee', '2f5d:6dfa:86e:bea2:35b8:e99:c5ae:81c6'] as const;

  /** `checksumAt`: offset of a transport checksum, which is 0 in the vectors. */
  const cases: [name: string, index: number, builder: PacketBuilder, checksumAt?: number][] = [
    [
      'IPv4 last fragment 6',
      108,
      packet()
        .ipv4('7.114.162.213', '50.82.130.107')
        .fragment({ id: 0x874b, offset: 2960, more: false })
        .protocol(6)
        .payload(filler('66', 100)),
    ],
    ['IPv4 UDP without data', 14, packet().ipv4('186.200.185.255', '123.42.59.135').udp(38641, 7476), 26],
    ['IPv4 options', 211, packet().ipv4('150.83.222.18', '11.55.230.196', { options: 12 }).udp(0x47e0, 0xd46c).payload(payload), 38],
    [
      'IPv6 destination options before a last fragment',
      245,
      packet()
        .ipv6(...PATH)
        .destinationOptions()
        .fragment({ id: 0xcda94396, offset: 208, more: false })
        .protocol(17)
        .payload(filler('77', 64)),
    ],
    [
      'IPv6 hop-by-hop, destination options, routing before a last fragment',
      257,
      packet()
        .ipv6(...CHAIN)
        .hopByHop()
        .destinationOptions(24)
        .routing(24)
        .fragment({ id: 0x36bf138f, offset: 208, more: false })
        .protocol(17)
        .payload(filler('77', 64)),
    ],
    [
      'IPv6 destination options 264 bytes before a last fragment',
      263,
      packet()
        .ipv6(...LONG)
        .destinationOptions(264)
        .fragment({ id: 0x4ffdd996, offset: 208, more: false })
        .protocol(17)
        .payload(filler('77', 64)),
    ],
    [
      'IPv6 UDP without data',
      134,
      packet().ipv6('2ac4:ebd6:9211:1fe3:88df:10aa:e95e:f86c', '2b47:4a00:f865:c093:abd0:ed3f:7e10:29ee').udp(48347, 32342),
      46,
    ],
  ];

  test.each(cases)('%s', (name, index, builder, checksumAt) => {
    expect(vectors[index]!.name).toBe(name);
    const bytes = builder.build();
    if (checksumAt !== undefined) bytes.fill(0, checksumAt, checksumAt + 2);
    expect(hex(bytes)).toBe(vectors[index]!.hex);
  });
});

describe('transport checksums', () => {
  test.each([
    ['TCP over IPv4 with options', packet().ipv4('10.0.0.2', '10.0.0.1', { options: 8 }).tcp(4711, 80).payload(20), 28, 6],
    ['TCP over IPv6 with hop-by-hop options', packet().ipv6('1000::2', '1000::1').hopByHop(16).tcp(4711, 80).payload(21), 56, 6],
  ])('%s: the checksum of pseudo-header and packet is 0 (RFC 1071 §1)', (_name, builder, transport, protocol) => {
    const bytes = builder.build();
    const addresses = bytes[0]! >> 4 === 4 ? bytes.subarray(12, 20) : bytes.subarray(8, 40);
    const length = bytes.length - transport;
    expect(internetChecksum(addresses, Uint8Array.of(0, protocol, 0, length), bytes.subarray(transport))).toBe(0);
  });

  test('UDP: a checksum of 0 is sent as ffff (RFC 768)', () => {
    const rest = packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 5001).payload(octets('0000')).build();
    const missing = (rest[26]! << 8) | rest[27]!;
    const bytes = packet()
      .ipv4('10.0.0.2', '10.0.0.1')
      .udp(4711, 5001)
      .payload(Uint8Array.of(missing >> 8, missing))
      .build();
    expect(hex(bytes.subarray(26))).toBe(`ffff${missing.toString(16).padStart(4, '0')}`);
  });

  test('SCTP: the remainder of the polynomial division in RFC 9260 Appendix A', () => {
    const sctp = packet().ipv4('10.0.0.2', '10.0.0.1').sctp(3868, 3868, { tag: 0xdeadbeef }).payload(20).build().subarray(20);
    const zeroed = sctp.slice().fill(0, 8, 12);
    expect(hex(sctp.subarray(8, 12))).toBe(castagnoli(zeroed));
  });

  /** Long division of the message as one binary number; each octet, and the remainder, has its lowest bit first. */
  function castagnoli(message: Uint8Array): string {
    const bits = Array.from(message, (octet) => octet.toString(2).padStart(8, '0').split('').reverse().join('')).join('');
    const ones = BigInt('0xffffffff');
    let remainder = BigInt(`0b${bits}${'0'.repeat(32)}`) ^ (ones << BigInt(bits.length));
    for (let bit = bits.length + 31; bit >= 32; bit--) {
      if ((remainder >> BigInt(bit)) & 1n) remainder ^= 0x11edc6f41n << BigInt(bit - 32);
    }
    const inverted = (remainder ^ ones).toString(2).padStart(32, '0');
    return (inverted.match(/.{8}/g) ?? [])
      .map((octet) =>
        parseInt([...octet].reverse().join(''), 2)
          .toString(16)
          .padStart(2, '0'),
      )
      .join('');
  }
});

test('a truncated packet keeps the headers of the whole packet', () => {
  const builder = packet().ipv6('1000::2', '1000::1').udp(4711, 5001).payload(8);
  expect(hex(builder.cut(43).build())).toBe(hex(builder.build()).slice(0, 86));
});

test('a builder is immutable', () => {
  const client = packet().ipv4('10.0.0.2', '10.0.0.1');
  const before = hex(client.build());
  client.fragment({ id: 7, offset: 0, more: true }).udp(4711, 5001).payload(8).cut(20).build();
  expect(hex(client.build())).toBe(before);
});
