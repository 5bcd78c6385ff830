import { vip } from '@nfqlb/options';
import { expect, test } from 'vitest';
import { composeSetUp, givenTarget, type Mode, type Traffic } from './set-up.js';
import { type SysctlFacts, wantedSysctls } from './sysctls.js';

const wanted = (vips: readonly string[], mode: Mode, traffic: Traffic, facts: Partial<SysctlFacts>): string[] => {
  const setUp = composeSetUp({
    vips: vips.map(vip),
    targets: vips.map((text) => givenTarget(text.includes(':') ? 'fd00::1' : '192.168.1.1')),
    mode,
    traffic,
    queue: { first: 2, last: 2 },
    keepSource: false,
    synOnly: false,
    fast: false,
  });
  const all = { ipv4Forwarding: true, ipv6Forwarding: true, strictDevices: [], looseDevices: [], ...facts };
  return wantedSysctls(setUp, all).map(({ name, value }) => `${name}=${value}`);
};

const closed = { ipv4Forwarding: false, ipv6Forwarding: false };

test('a machine that is already a router needs nothing', () => {
  expect(wanted(['10.0.0.1/32', '1000::1/128'], 'dsr', 'forward', {})).toEqual([]);
});

test.each([
  ['10.0.0.1/32', 'net.ipv4.ip_forward=1'],
  ['1000::1/128', 'net.ipv6.conf.all.forwarding=1'],
])('%s needs %s', (text, sysctl) => {
  expect(wanted([text], 'nat', 'forward', closed)).toEqual([sysctl]);
});

test('packets of local programs need no forwarding', () => {
  expect(wanted(['10.0.0.1/32', '1000::1/128'], 'nat', 'local', closed)).toEqual([]);
});

test('a strict reverse path filter must be loosened with dsr over IPv4, where answers take another path', () => {
  const strict = { strictDevices: ['eth0'] };
  expect(wanted(['10.0.0.1/32'], 'dsr', 'local', strict)).toEqual(['net.ipv4.conf.all.rp_filter=2']);
  expect(wanted(['1000::1/128'], 'dsr', 'local', strict)).toEqual([]);
  expect(wanted(['10.0.0.1/32'], 'nat', 'forward', strict)).toEqual([]);
});
