import { describe, expect, test } from 'vitest';
import { internetChecksum } from '../packet-builder/checksum.js';
import { packet } from '../packet-builder/index.js';
import { fragments } from './fragments.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

// 30,000 zero octets, as fragmented by Linux for an MTU of 1500 (IPv6: 1448 octets of data per fragment).
describe('a datagram is fragmented as by Linux', () => {
  const zeros = new Uint8Array(30_000);

  test('over IPv4', () => {
    const datagram = packet().ipv4('192.168.1.201', '192.168.1.1').udp(34815, 6001).payload(zeros).build();
    const all = fragments(datagram, 1500, 0x5060);
    expect(all.map(({ length }) => length)).toEqual([...new Array<number>(20).fill(1500), 428]);
    expect(hex(all[0]!.subarray(0, 28))).toBe('450005dc5060200040118096c0a801c9c0a8010187ff17717538f1f1');
    expect(hex(all[1]!.subarray(0, 20))).toBe('450005dc506020b940117fddc0a801c9c0a80101');
    expect(hex(all[19]!.subarray(0, 20))).toBe('450005dc50602dbb401172dbc0a801c9c0a80101');
    expect(hex(all[20]!.subarray(0, 20))).toBe('450001ac50600e7440119652c0a801c9c0a80101');
  });

  test('over IPv6', () => {
    const datagram = packet().ipv6('1000::1:c0a8:1c9', '1000::1:c0a8:101').udp(33818, 6001).payload(zeros).build();
    const all = fragments(datagram, 1500, 0xe0e6663a);
    expect(all.map(({ length }) => length)).toEqual([...new Array<number>(20).fill(1496), 1096]);
    // Except for the flow label, which Linux sets.
    const addresses = '100000000000000000000001c0a801c9100000000000000000000001c0a80101';
    expect(hex(all[0]!.subarray(0, 56))).toBe(`6000000005b02c40${addresses}11000001e0e6663a841a17717538d5d4`);
    expect(hex(all[1]!.subarray(0, 48))).toBe(`6000000005b02c40${addresses}110005a9e0e6663a`);
    expect(hex(all[20]!.subarray(0, 48))).toBe(`6000000004202c40${addresses}11007120e0e6663a`);
  });
});

describe('reassembled fragments are the original packet', () => {
  const CASES = [
    ['over IPv4 with options', packet().ipv4('10.0.0.2', '10.0.0.1', { options: 12, id: 7 }).tcp(4711, 80).payload(332), 32],
    // 352 octets of data: at some MTUs the last fragment is as long as the others.
    ['over IPv6', packet().ipv6('1000::2', '1000::1').tcp(4711, 80).payload(332), 40],
    ['after hop-by-hop options', packet().ipv6('1000::2', '1000::1').hopByHop(16).destinationOptions().udp(4711, 80).payload(333), 56],
    [
      'after destination options that are in every fragment because of a routing header',
      packet().ipv6('1000::2', '1000::1').hopByHop().destinationOptions().routing(24).destinationOptions().udp(4711, 80).payload(333),
      80,
    ],
  ] as const;

  test.each(CASES)('%s', (_name, builder, headers) => {
    const whole = builder.build();
    for (let mtu = headers + 16; mtu <= whole.length; mtu++) {
      const all = fragments(whole, mtu, 7);
      if (mtu < whole.length) expect(all.length).toBeGreaterThan(1);
      expect(hex(reassembled(all, headers))).toBe(hex(whole));
      for (const fragment of all) expect(fragment.length).toBeLessThanOrEqual(mtu);
    }
  });

  /** Reassembles with a DataView. @param headers length of the headers in every fragment */
  function reassembled(all: readonly Uint8Array[], headers: number): Uint8Array {
    const [first] = all;
    if (all.length === 1) return first!;
    const v4 = first![0]! >> 4 === 4;
    const data: number[] = [];
    all.forEach((fragment, i) => {
      const view = new DataView(fragment.buffer, fragment.byteOffset);
      const field = v4 ? view.getUint16(6) : view.getUint16(headers + 2);
      expect(v4 ? (field % 0x2000) * 8 : field - (field % 8)).toBe(data.length);
      expect(v4 ? Math.floor(field / 0x2000) : field % 8).toBe(i < all.length - 1 ? 1 : 0);
      expect(v4 ? view.getUint16(4) : view.getUint32(headers + 4)).toBe(7);
      expect(v4 ? view.getUint16(2) : view.getUint16(4) + 40).toBe(fragment.length);
      if (v4) expect(internetChecksum(fragment.subarray(0, headers))).toBe(0);
      data.push(...fragment.subarray(v4 ? headers : headers + 8));
    });
    const whole = Uint8Array.from([...first!.subarray(0, headers), ...data]);
    const view = new DataView(whole.buffer);
    if (v4) {
      view.setUint16(2, whole.length);
      view.setUint16(6, 0);
      view.setUint16(10, 0);
      view.setUint16(10, internetChecksum(whole.subarray(0, headers)));
    } else {
      view.setUint16(4, whole.length - 40);
      // Find the next-header field of the fragment header, and replace it.
      const chain = [6, ...nextHeadersAt(first!)];
      whole[chain.find((at) => first![at] === 44)!] = first![headers]!;
    }
    return whole;
  }

  /** Offsets of the extension headers before the fragment header. */
  function nextHeadersAt(fragment: Uint8Array): number[] {
    const places: number[] = [];
    for (let at = 40, header = fragment[6]!; header !== 44; at += (fragment[at + 1]! + 1) * 8) {
      places.push(at);
      header = fragment[at]!;
    }
    return places;
  }
});

test('a packet that fits is not fragmented, and an MTU without room for data is refused', () => {
  const whole = packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 80).payload(72).build();
  expect(fragments(whole, 100)).toEqual([whole]);
  expect(() => fragments(whole, 27)).toThrow('the MTU leaves 7 octets for data, but a fragment needs at least 8');
});
