import { expect, test } from 'vitest';
import { extractKey } from '../key/extract.js';
import { PacketKey } from '../key/packet-key.js';
import { type PacketBuilder, packet } from '../packet-builder/index.js';
import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';
import { describeIcmp } from './icmp.js';
import { describeKey } from './packet.js';

const v4 = packet().ipv4('10.0.0.2', '10.0.0.1');
const v6 = packet().ipv6('1000::2', '1000::1');
/** A target's reply, to be quoted in an ICMP error. */
const answer4 = packet().ipv4('10.0.0.1', '10.0.0.2').udp(5001, 4711).payload(20).build();
const answer6 = packet().ipv6('1000::1', '1000::2').tcp(80, 4711).build();
const router4 = packet().ipv4('10.9.9.9', '10.0.0.1');
const router6 = packet().ipv6('1000::9', '1000::1');

/** An ICMP error with these values in octets 4 to 7 of its header. */
function withFields(builder: PacketBuilder, header: number, upper: number, lower: number): Uint8Array {
  const bytes = builder.build();
  new DataView(bytes.buffer).setUint16(header + 4, upper);
  new DataView(bytes.buffer).setUint16(header + 6, lower);
  return bytes;
}

test.each<[string, Uint8Array, string | undefined]>([
  ['tcp 10.0.0.2:4711 -> 10.0.0.1:80', v4.tcp(4711, 80).build(), undefined],
  ['sctp [1000::2]:4711 -> [1000::1]:80', v6.sctp(4711, 80).build(), undefined],
  ['protocol 47 10.0.0.2 -> 10.0.0.1', v4.protocol(47).payload(8).build(), undefined],
  [
    'udp id=0x0102 10.0.0.2:4711 -> 10.0.0.1:80',
    v4.fragment({ id: 0x0102, offset: 0, more: true }).udp(4711, 80).payload(56).build(),
    undefined,
  ],
  ['fragment id=0x0102 10.0.0.2 -> 10.0.0.1', v4.fragment({ id: 0x0102, offset: 64, more: false }).payload(8).build(), undefined],
  ['fragment id=0xf1020304 1000::2 -> 1000::1', v6.fragment({ id: 0xf1020304, offset: 64, more: false }).payload(8).build(), undefined],
  ['malformed', v4.udp(1, 2).cut(22).build(), undefined],
  ['icmp 10.0.0.2 -> 10.0.0.1', v4.icmpEcho(58880, 3).build(), 'echo request id=58880 seq=3'],
  ['icmp6 1000::2 -> 1000::1', v6.hopByHop(16).icmpEcho(7, 65535).build(), 'echo request id=7 seq=65535'],
  ['icmp6 1000::2 -> 1000::1', v6.icmpEchoReply(7, 1).build(), 'echo reply id=7 seq=1'],
  [
    'udp 10.0.0.2:4711 -> 10.0.0.1:5001',
    withFields(router4.icmpError(3, 4, answer4), 20, 0, 1400),
    'destination unreachable: fragmentation needed mtu=1400',
  ],
  ['udp 10.0.0.2:4711 -> 10.0.0.1:5001', router4.icmpError(3, 3, answer4).build(), 'destination unreachable: port'],
  ['udp 10.0.0.2:4711 -> 10.0.0.1:5001', router4.icmpError(3, 13, answer4).build(), 'destination unreachable: code 13'],
  ['udp 10.0.0.2:4711 -> 10.0.0.1:5001', router4.icmpError(11, 0, answer4).build(), 'time exceeded: in transit'],
  ['udp 10.0.0.2:4711 -> 10.0.0.1:5001', router4.icmpError(5, 1, answer4).build(), 'redirect: host'],
  ['udp 10.0.0.2:4711 -> 10.0.0.1:5001', router4.icmpError(4, 0, answer4).build(), 'source quench'],
  ['udp 10.0.0.2:4711 -> 10.0.0.1:5001', withFields(router4.icmpError(12, 0, answer4), 20, 0x1100, 0), 'parameter problem: pointer=17'],
  ['tcp [1000::2]:4711 -> [1000::1]:80', withFields(router6.icmpError(2, 0, answer6), 40, 1, 2), 'packet too big mtu=65538'],
  ['tcp [1000::2]:4711 -> [1000::1]:80', router6.icmpError(1, 4, answer6).build(), 'destination unreachable: port'],
  ['tcp [1000::2]:4711 -> [1000::1]:80', router6.icmpError(3, 1, answer6).build(), 'time exceeded: of reassembly'],
  ['tcp [1000::2]:4711 -> [1000::1]:80', withFields(router6.icmpError(4, 0, answer6), 40, 0, 40), 'parameter problem: pointer=40'],
  ['icmp6 1000::2 -> 1000::1', withFields(v6.icmpEcho(1), 40, 0, 0).with(40, 135), 'type 135 code 0'],
])('%s', (expected, bytes, icmp) => {
  const key = new PacketKey();
  const etherType = bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
  expect(describeKey(extractKey(key, bytes, 0, bytes.length, etherType, 0), key)).toBe(expected);
  expect(describeIcmp(bytes, 0, bytes.length, etherType)).toBe(icmp);
});

test('a truncated ICMP message is not described, and nothing is read beyond its end', () => {
  for (const bytes of [
    v4.icmpEcho(1, 1).build(),
    v6.hopByHop(8).destinationOptions(16).fragment({ id: 1, offset: 0, more: false }).icmpEcho(1, 1).build(),
  ]) {
    const etherType = bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
    for (let length = 0; length < bytes.length; length++) expect(describeIcmp(bytes, 0, length, etherType)).toBeUndefined();
    expect(describeIcmp(bytes, 0, bytes.length, etherType)).toBe('echo request id=1 seq=1');
  }
  // Not the first fragment of an ICMP message.
  expect(describeIcmp(v4.fragment({ id: 1, offset: 8, more: false }).icmpEcho(1).build(), 0, 28, ETH_P_IP)).toBeUndefined();
});
