import { ETH_P_IP, ETH_P_IPV6, extractKey, KIND_NAMES, PacketKey } from '@nfqlb/core';
import { describeIcmp, describeKey } from '@nfqlb/core/explanation';
import { packet } from '@nfqlb/core/packet-builder';
import { describe, expect, test } from 'vitest';
import { address, composePacket, type GivenPacket, type PacketOptions, packetInHex, protocol } from './given-packet.js';

const V4 = { src: '10.0.0.2', dst: '10.0.0.1' };
const V6 = { src: '1000::2', dst: '1000::1' };

/** The packet as the load balancer reads it. */
function read({ bytes, etherType }: GivenPacket): string {
  const key = new PacketKey();
  const kind = extractKey(key, bytes, 0, bytes.length, etherType, 0);
  const icmp = describeIcmp(bytes, 0, bytes.length, etherType);
  return [`${KIND_NAMES[kind]}: ${describeKey(kind, key)}`, icmp].filter(Boolean).join(', ');
}

describe('a packet given by options', () => {
  test.each<[PacketOptions, string]>([
    [{ ...V4, proto: 6, sport: 4711, dport: 80 }, 'normal: tcp 10.0.0.2:4711 -> 10.0.0.1:80'],
    [{ ...V6, proto: 17, sport: 0, dport: 65535 }, 'normal: udp [1000::2]:0 -> [1000::1]:65535'],
    [{ ...V4, proto: 132, sport: 1, dport: 2 }, 'normal: sctp 10.0.0.2:1 -> 10.0.0.1:2'],
    [{ ...V4, proto: 1 }, 'icmp: icmp 10.0.0.2 -> 10.0.0.1, echo request id=0 seq=1'],
    [{ ...V4, proto: 1, id: 7 }, 'icmp: icmp 10.0.0.2 -> 10.0.0.1, echo request id=7 seq=1'],
    [{ ...V6, proto: 1, id: 7 }, 'icmp: icmp6 1000::2 -> 1000::1, echo request id=7 seq=1'],
    [{ ...V6, proto: 58, type: 128 }, 'icmp: icmp6 1000::2 -> 1000::1, echo request id=0 seq=1'],
    [{ ...V6, proto: 58, type: 129 }, 'icmp: icmp6 1000::2 -> 1000::1, echo reply id=0 seq=0'],
    [{ ...V4, proto: 1, type: 13 }, 'icmp: icmp 10.0.0.2 -> 10.0.0.1, type 13 code 0'],
    [{ ...V4, proto: 47 }, 'addresses-only: protocol 47 10.0.0.2 -> 10.0.0.1'],
    [{ src: '::ffff:10.0.0.2', dst: '10.0.0.1', proto: 47 }, 'addresses-only: protocol 47 10.0.0.2 -> 10.0.0.1'],
  ])('%j', (options, expected) => {
    expect(read(composePacket(options))).toBe(expected);
  });

  test.each<[PacketOptions, string]>([
    [{}, 'missing option --src, --dst, --proto: a packet is given by --src, --dst and --proto'],
    [{ ...V4 }, 'missing option --proto'],
    [{ src: '10.0.0.2', dst: '1000::1', proto: 47 }, '--dst=1000::1: must be IPv4, as --src=10.0.0.2 is'],
    [{ ...V4, proto: 6, sport: 1 }, 'missing option --dport: tcp has ports'],
    [{ ...V4, proto: 17, dport: 1 }, 'missing option --sport: udp has ports'],
    [{ ...V4, proto: 1, dport: 1 }, '--dport=1: is for tcp, udp and sctp; icmp has no ports'],
    [{ ...V4, proto: 47, sport: 1 }, '--sport=1: is for tcp, udp and sctp; protocol 47 has no ports'],
    [{ ...V4, proto: 58 }, '--proto=icmp6: goes over IPv6, not IPv4'],
    [{ ...V6, proto: 44 }, '--proto=44: is an extension header of IPv6: give the whole packet with --packet'],
    [{ ...V4, proto: 6, sport: 1, dport: 2, id: 3 }, '--id=3: is for icmp, not for tcp'],
    [{ ...V4, proto: 47, type: 3 }, '--type=3: is for icmp, not for protocol 47'],
    [{ ...V4, proto: 1, type: 13, id: 3 }, '--id=3: is for echo requests, which have --type=8'],
    [{ ...V4, proto: 1, type: 11 }, '--type=11: is an error, which goes with the packet that it quotes: give both with --packet'],
    [{ ...V6, proto: 1, type: 2 }, '--type=2: is an error'],
  ])('%j is refused', (options, problem) => {
    expect(() => composePacket(options)).toThrow(problem);
  });
});

describe('a whole packet', () => {
  const udp = packet().ipv4(V4.src, V4.dst).udp(4711, 5001).payload(20).build();
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

  test('is read from hexadecimal digits in any notation', () => {
    const written = hex(udp);
    for (const text of [written, written.toUpperCase(), written.replace(/..(?=.)/g, '$&:'), written.replace(/.{32}/g, '$&\n  ')]) {
      expect(packetInHex(text)).toEqual({ bytes: udp, etherType: ETH_P_IP });
    }
    const v6 = packet().ipv6(V6.src, V6.dst).tcp(1, 2).build();
    expect(packetInHex(hex(v6))).toEqual({ bytes: v6, etherType: ETH_P_IPV6 });
    // Ethernet pads short frames.
    expect(packetInHex(`${hex(v6)}0000`).bytes.length).toBe(v6.length + 2);
  });

  test.each([
    ['', '--packet=: must be the octets of an IP packet'],
    [' ', '--packet=: must be the octets of an IP packet'],
    ['4g', '--packet=4g: must be the octets'],
    ['0x45', '--packet=0x45: must be the octets'],
    ['450', 'two hexadecimal digits each; there are 3 digits'],
    ['4500', '--packet=4500: the header of IPv4 takes 20 octets, 2 are there'],
    ['60', '--packet=60: the header of IPv6 takes 40 octets, 1 are there'],
    ['00163e', '--packet=00163e: must begin with the header of IPv4 or IPv6; this says version 0'],
    [hex(udp.subarray(0, 47)), '--packet=45000030000000004011…: is cut off: its header speaks of 48 octets, 47 are there'],
    ['45'.repeat(65_576), '--packet=45454545454545454545…: a packet has at most 65575 octets, this has 65576'],
  ])('%.40s is refused', (text, problem) => {
    expect(() => packetInHex(text)).toThrow(problem);
  });
});

test('protocols are names or numbers, addresses of either family', () => {
  expect(['tcp', 'UDP', 'sctp', 'icmp', 'icmp6', '0', '255', '6'].map(protocol)).toEqual([6, 17, 132, 1, 58, 0, 255, 6]);
  for (const text of ['', 'ipx', '256', '-1', '6x', '1e2'])
    expect(() => protocol(text)).toThrow('must be tcp, udp, sctp, icmp, icmp6, or a number from 0 to 255');
  expect(address('1000::1')).toBe('1000::1');
  for (const text of ['', '10.0.0', '10.0.0.1/32', 'localhost']) expect(() => address(text)).toThrow('must be an address');
});
