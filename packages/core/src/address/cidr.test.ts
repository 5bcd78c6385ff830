import { BlockList } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../testing/runs.js';
import { type Cidr, cidrContains, formatCidr, maskAddress, parseCidr, samePrefix } from './cidr.js';
import { formatIpAddress, formatIpv6, isIpv4, parseIpAddress } from './ip-address.js';

const cidr = (text: string): Cidr => parseCidr(text)!;

describe('parse', () => {
  test.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3/32', '10.1.2.3/32'],
    ['10.1.2.3/0', '0.0.0.0/0'],
    ['10.1.2.255/25', '10.1.2.128/25'],
    ['2001:db8:ffff::1/33', '2001:db8:8000::/33'],
    ['1::2/128', '1::2/128'],
    ['1::2/0', '::/0'],
    ['::ffff:10.1.2.3/104', '10.0.0.0/8'],
    ['::ffff:10.1.2.3/96', '0.0.0.0/0'],
    ['::ffff:10.1.2.3/95', '::fffe:0:0/95'],
  ])('%s is %s', (text, expected) => expect(formatCidr(cidr(text))).toBe(expected));

  test.each([
    ['10.0.0.0'],
    ['10.0.0.0/'],
    ['/8'],
    ['10.0.0.0/33'],
    ['::/129'],
    ['10.0.0.0/-1'],
    ['10.0.0.0/+8'],
    ['10.0.0.0/08'],
    ['10.0.0.0/0x8'],
    ['10.0.0.0/8x'],
    ['10.0.0.0/8/16'],
    ['10.0.0.0/255.0.0.0'],
    ['10.0.0.0 /8'],
    ['10.0.0/8'],
    ['::/4294967296'],
  ])('refuses %j', (text) => expect(parseCidr(text)).toBeUndefined());
});

describe('contains', () => {
  test.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', true],
    ['10.0.0.0/8', '::10.0.0.1', false],
    ['0.0.0.0/0', '1.2.3.4', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '::1', true],
    ['::/0', '1.2.3.4', false],
    ['::ffff:0:0/96', '1.2.3.4', true],
    ['10.0.0.4/30', '10.0.0.7', true],
    ['10.0.0.4/30', '10.0.0.8', false],
    ['1000::/112', '1000::ffff', true],
    ['1000::/112', '1000::1:0', false],
    ['1::1/128', '1::1', true],
    ['1::1/128', '1::', false],
  ])('%s, %s: %s', (network, address, expected) => expect(cidrContains(cidr(network), parseIpAddress(address)!)).toBe(expected));

  test('agrees with net.BlockList for addresses that share a random number of bits', () => {
    const octets = fc.uint8Array({ minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(octets, octets, fc.nat(128), fc.nat(128), fc.boolean(), (a, random, common, length, ipv4) => {
        const b = Uint8Array.from(
          maskAddress(a, common),
          (octet, i) => octet | (random[i]! & ~maskAddress(new Uint8Array(16).fill(255), common)[i]!),
        );
        if (ipv4) for (const address of [a, b]) address.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255]);
        fc.pre(isIpv4(a) === ipv4 && isIpv4(b) === ipv4);
        const family = ipv4 ? 'ipv4' : 'ipv6';
        const bits = ipv4 ? length % 33 : length;
        // BlockList refuses a prefix length of 0.
        fc.pre(bits > 0);
        const network = new BlockList();
        network.addSubnet(formatIpAddress(a), bits, family);
        expect(cidrContains(cidr(`${formatIpAddress(a)}/${bits}`), b)).toBe(network.check(formatIpAddress(b), family));
      }),
      { numRuns: runs(1000) },
    );
  });
});

test('masked addresses keep the prefix, and the rest is zero', () => {
  const ones = new Uint8Array(16).fill(0xff);
  for (let bits = 0; bits <= 128; bits++) {
    const masked = maskAddress(ones, bits);
    const binary = [...masked].map((octet) => octet.toString(2).padStart(8, '0')).join('');
    expect(binary, formatIpv6(masked)).toBe('1'.repeat(bits).padEnd(128, '0'));
    expect(samePrefix(masked, ones, bits)).toBe(true);
    if (bits < 128) expect(samePrefix(masked, ones, bits + 1)).toBe(false);
  }
});
