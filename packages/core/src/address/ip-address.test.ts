import { isIP, SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../testing/runs.js';
import { formatIpAddress, formatIpv6, isIpv4, parseIpAddress } from './ip-address.js';

const hex = (text: string): string | undefined => {
  const address = parseIpAddress(text);
  return address && Buffer.from(address).toString('hex');
};

/** Octets with runs of zeros, which the text forms treat specially. */
const octets = fc
  .array(fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.constantFrom(1, 0xffff), fc.integer({ min: 0, max: 0xffff })), {
    minLength: 8,
    maxLength: 8,
  })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));

/** Text that is an address or nearly one. */
const almostAddress = fc
  .array(
    fc.oneof(
      fc.constantFrom(':', '::', '.', '0', '1', 'ff', 'FFFF', '255', '256', '01', '1.2.3.4', ':1.2.3.4', 'g', ' ', '/', '-', '00000'),
      fc.integer({ min: 0, max: 0xffff }).map((group) => `${group.toString(16)}:`),
    ),
    { maxLength: 10 },
  )
  .map((parts) => parts.join(''));

/** Any notation of an address, with `::` in place of any groups, even nonzero ones: the result is then another address. */
const anyNotation = fc
  .tuple(octets, fc.nat(8), fc.nat(8), fc.boolean(), fc.boolean(), fc.boolean())
  .map(([bytes, a, b, pad, upper, dotted]) => {
    const groups = Array.from({ length: 8 }, (_, i) =>
      Buffer.from(bytes)
        .readUInt16BE(2 * i)
        .toString(16)
        .padStart(pad ? 4 : 1, '0'),
    );
    if (dotted) groups.splice(6, 2, bytes.subarray(12).join('.'));
    const [from, to] = a < b ? [a, b] : [b, a];
    const text = from === to ? groups.join(':') : `${groups.slice(0, from).join(':')}::${groups.slice(to).join(':')}`;
    return upper ? text.toUpperCase() : text;
  });

describe('parse', () => {
  test.each([
    ['0.0.0.0', '00000000000000000000ffff00000000'],
    ['255.255.255.255', '00000000000000000000ffffffffffff'],
    ['10.1.2.3', '00000000000000000000ffff0a010203'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['1::', '00010000000000000000000000000000'],
    ['2001:DB8::8:800:200C:417A', '20010db80000000000080800200c417a'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['::2:3:4:5:6:7:8', '00000002000300040005000600070008'],
    ['::ffff:129.144.52.38', '00000000000000000000ffff81903426'],
    ['::13.1.68.3', '0000000000000000000000000d014403'],
    ['1:2:3:4:5:6:7.8.9.10', '0001000200030004000500060708090a'],
    ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221'],
  ])('%s', (text, expected) => expect(hex(text)).toBe(expected));

  test.each([
    ['nothing', ''],
    ['three octets', '10.1.2'],
    ['five octets', '10.1.2.3.4'],
    ['an octet above 255', '10.1.2.256'],
    ['octal', '010.1.2.3'],
    ['a redundant zero', '10.1.2.00'],
    ['hexadecimal', '0x0a.1.2.3'],
    ['one number', '167838211'],
    ['a sign', '10.1.2.-3'],
    ['a trailing space', '10.1.2.3 '],
    ['a newline', '10.1.2.3\n'],
    ['a prefix length', '10.0.0.0/8'],
    ['seven groups', '1:2:3:4:5:6:7'],
    ['nine groups', '1:2:3:4:5:6:7:8:9'],
    ['"::" for no group', '1:2:3:4::5:6:7:8'],
    ['two "::"', '1::2::3'],
    ['three colons', ':::'],
    ['a leading colon', ':1::2'],
    ['a trailing colon', '1::2:'],
    ['five digits', '::10000'],
    ['not hexadecimal', '::g'],
    ['a dotted part that is not last', '1.2.3.4::'],
    ['a dotted part between groups', '::1.2.3.4:5'],
    ['a dotted part with eight groups', '1:2:3:4:5:6:7:1.2.3.4'],
    ['octal in the dotted part', '::ffff:010.0.0.1'],
    ['a zone', 'fe80::1%eth0'],
    ['brackets', '[::1]'],
    ['a non-ASCII digit', '１.2.3.4'],
  ])('refuses %s: %j', (_name, text) => expect(parseIpAddress(text)).toBeUndefined());

  test('accepts what net.isIP accepts, except zones', () => {
    const agree = (text: string): void => {
      expect([text, parseIpAddress(text) !== undefined]).toEqual([text, isIP(text) !== 0]);
    };
    fc.assert(fc.property(almostAddress, agree), { numRuns: runs(5000) });
    fc.assert(fc.property(anyNotation, agree), { numRuns: runs(2000) });
    fc.assert(fc.property(fc.ipV4(), agree));
    fc.assert(fc.property(fc.ipV6(), agree));
  });

  test('returns the same octets as libuv', () => {
    const agree = (text: string): void => {
      fc.pre(isIP(text) === 6);
      expect(formatIpv6(parseIpAddress(text)!)).toBe(new SocketAddress({ family: 'ipv6', address: text }).address);
    };
    fc.assert(fc.property(anyNotation, agree), { numRuns: runs(2000) });
    fc.assert(fc.property(fc.ipV6(), agree));
  });
});

describe('format', () => {
  test.each([
    // RFC 5952 §4 and §2
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::AAAA', '2001:db8::aaaa'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:0:0:0:0:0:0', '1::'],
    // like glibc's inet_ntop (observed)
    ['::ffff:1.2.3.4', '::ffff:1.2.3.4'],
    ['::ffff:0:0', '::ffff:0.0.0.0'],
    ['::1.2.3.4', '::1.2.3.4'],
    ['::0.0.1.2', '::102'],
    ['::fffe:1.2.3.4', '::fffe:102:304'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
  ])('%s as %s', (text, expected) => expect(formatIpv6(parseIpAddress(text)!)).toBe(expected));

  test('an IPv4 address is dotted', () => {
    expect(formatIpAddress(parseIpAddress('10.0.0.1')!)).toBe('10.0.0.1');
    expect(formatIpAddress(parseIpAddress('::ffff:10.0.0.1')!)).toBe('10.0.0.1');
    expect(formatIpAddress(parseIpAddress('::10.0.0.1')!)).toBe('::10.0.0.1');
  });

  test('can be parsed again', () => {
    fc.assert(
      fc.property(octets, (address) => {
        expect(parseIpAddress(formatIpv6(address))).toEqual(address);
        expect(parseIpAddress(formatIpAddress(address))).toEqual(address);
      }),
    );
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(formatIpAddress(parseIpAddress(text)!)).toBe(text);
      }),
    );
  });

  test('is the form used in URLs, if nothing is dotted', () => {
    fc.assert(
      fc.property(octets, (address) => {
        const text = formatIpv6(address);
        fc.pre(!text.includes('.'));
        expect(`[${text}]`).toBe(new URL(`http://[${text}]`).hostname);
      }),
    );
  });
});

test('addresses with the mapped prefix are IPv4', () => {
  expect(isIpv4(parseIpAddress('1.2.3.4')!)).toBe(true);
  expect(isIpv4(parseIpAddress('::1.2.3.4')!)).toBe(false);
  expect(isIpv4(parseIpAddress('::ff:1.2.3.4')!)).toBe(false);
  expect(isIpv4(parseIpAddress('1::ffff:1.2.3.4')!)).toBe(false);
});
