import { vip } from '@nfqlb/options';
import { describe, expect, test } from 'vitest';
import { composeSetUp, givenTarget, type SetUpRequest } from './set-up.js';

const request = (vips: readonly string[], targets: readonly string[]): SetUpRequest => ({
  vips: vips.map(vip),
  targets: targets.map(givenTarget),
  mode: 'nat',
  queue: { first: 2, last: 2 },
  traffic: 'forward',
  keepSource: false,
  synOnly: false,
  fast: false,
});

describe('a VIP', () => {
  test.each([
    ['10.0.0.1/32', '10.0.0.1/32'],
    ['10.0.0.0/24', '10.0.0.0/24'],
    ['2001:db8::1/128', '2001:db8::1/128'],
    ['::ffff:10.0.0.1/128', '10.0.0.1/32'],
  ])('%s', (text, written) => {
    const { vips } = composeSetUp(request([text], []));
    expect([...vips[4], ...vips[6]]).toEqual([written]);
  });

  test.each(['10.0.0.1', '10.0.0.1/33', '10.0.0/24', '2001:db8::1/129', 'web', ''])('%j is refused', (text) => {
    expect(() => vip(text)).toThrow('must be ADDRESS/BITS such as 10.0.0.1/32 or 2001:db8::1/128');
  });

  test.each(['0.0.0.0/0', '10.0.0.0/0', '::/0', '::ffff:0:0/96'])('%s, which matches everything, is refused', (text) => {
    expect(() => vip(text)).toThrow('must have at least one bit');
  });

  test('given twice is kept once', () => {
    expect(composeSetUp(request(['10.0.0.1/32', '::ffff:10.0.0.1/128'], [])).vips).toEqual({ 4: ['10.0.0.1/32'], 6: [] });
  });
});

describe('targets', () => {
  test('without fwmarks are numbered per family: the n-th addresses of both are one target', () => {
    expect(composeSetUp(request(['10.0.0.1/32', '1000::1/128'], ['192.168.1.1', '192.168.1.2', 'fd00::1', 'fd00::2'])).targets).toEqual([
      { fwmark: 1, addresses: { 4: '192.168.1.1', 6: 'fd00::1' } },
      { fwmark: 2, addresses: { 4: '192.168.1.2', 6: 'fd00::2' } },
    ]);
  });

  test('with fwmarks are sorted by fwmark', () => {
    expect(composeSetUp(request(['10.0.0.1/32'], ['102=192.168.1.1', '101=192.168.1.2'])).targets).toEqual([
      { fwmark: 101, addresses: { 4: '192.168.1.2' } },
      { fwmark: 102, addresses: { 4: '192.168.1.1' } },
    ]);
  });

  test('with different fwmarks may be the same machine', () => {
    expect(composeSetUp(request(['10.0.0.1/32'], ['192.168.1.1', '192.168.1.1'])).targets).toHaveLength(2);
  });

  test.each(['192.168.1', '1=', '=192.168.1.1', 'x=192.168.1.1', '1=2=192.168.1.1', 'fe80::1%eth0', '192.168.1.1/32'])(
    '%s is refused',
    (text) => {
      expect(() => givenTarget(text)).toThrow(/must be (ADDRESS or FWMARK=ADDRESS|a whole number from 1)/);
    },
  );

  test.each(['fe80::5', '2=fe80::5', 'febf::1'])('%s, which is link-local, is refused', (text) => {
    expect(() => givenTarget(text)).toThrow(
      `${text}: must not be link-local (fe80::/10), which is ambiguous without a device; must be ADDRESS or FWMARK=ADDRESS, such as 192.168.1.1 or 101=2001:db8::1`,
    );
  });

  test.each([
    ['0.0.0.0', 'unspecified (0.0.0.0/8)'],
    ['127.0.0.1', 'loopback (127.0.0.0/8)'],
    ['::ffff:127.0.0.1', 'loopback (127.0.0.0/8)'],
    ['239.255.255.255', 'multicast (224.0.0.0/4)'],
    ['255.255.255.255', 'broadcast (255.255.255.255)'],
    ['::', 'unspecified (::)'],
    ['::1', 'loopback (::1)'],
    ['ff02::1', 'multicast (ff00::/8)'],
  ])('%s, which no machine has, is refused: %s', (text, what) => {
    expect(() => givenTarget(text)).toThrow(`${text}: must not be ${what}; must be ADDRESS`);
  });

  test.each(['1.0.0.0', '126.255.255.255', '128.0.0.1', '223.255.255.255', '240.0.0.1', '::2', 'feff::1'])('%s is not refused', (text) => {
    expect(givenTarget(text).text).toBe(text);
  });

  test.each(['fec0::1', 'fe7f::1', 'fe00::1'])('%s is not link-local', (text) => {
    expect(givenTarget(text).text).toBe(text);
  });

  test.each(['0', '2147483648', '-1'])('fwmark %s is refused', (fwmark) => {
    expect(() => givenTarget(`${fwmark}=192.168.1.1`)).toThrow('must be a whole number from 1 to 2147483647');
  });

  test.each([
    {
      name: 'of a family that no VIP has',
      vips: ['1000::1/128'],
      targets: ['fd00::1', '192.168.1.1'],
      error: 'target 192.168.1.1: is an IPv4 address, but no --vip is; must be IPv6',
    },
    {
      name: 'without an address of a family that a VIP has',
      vips: ['10.0.0.1/32', '1000::1/128'],
      targets: ['192.168.1.1', '192.168.1.2', 'fd00::1'],
      error: 'target: fwmark 2 has no IPv6 address, but --vip=1000::1/128 is IPv6; add 2=ADDRESS',
    },
    {
      name: 'with two addresses of a family',
      vips: ['10.0.0.1/32'],
      targets: ['1=192.168.1.1', '192.168.1.2'],
      error: 'target 192.168.1.2: fwmark 1 has the IPv4 address 192.168.1.1 already; it can have one of each family',
    },
    {
      name: 'in a VIP',
      vips: ['10.0.0.0/24'],
      targets: ['10.0.0.7'],
      error: 'target 10.0.0.7: is in --vip=10.0.0.0/24, so that packets to it would be load-balanced, too; must be outside every VIP',
    },
  ])('$name are refused', ({ vips, targets, error }) => {
    expect(() => composeSetUp(request(vips, targets))).toThrow(error);
  });
});
