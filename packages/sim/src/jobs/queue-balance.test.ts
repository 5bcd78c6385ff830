import { ETH_P_IP, ETH_P_IPV6 } from '@nfqlb/core';
import { packet } from '@nfqlb/core/packet-builder';
import { expect, test } from 'vitest';
import { queueOf } from './queue-balance.js';

const v4 = (from: string, to: string): Uint8Array => packet().ipv4(from, to).udp(4711, 53).build();
const v6 = (from: string, to: string): Uint8Array => packet().ipv6(from, to).udp(4711, 53).build();

test('both directions of a connection have the same queue, and ports make no difference', () => {
  for (let i = 1; i < 250; i++) {
    const [there, back] = [v4(`10.0.${i}.7`, '192.0.2.1'), v4('192.0.2.1', `10.0.${i}.7`)];
    expect(queueOf(there, 0, there.length, ETH_P_IP, 7)).toBe(queueOf(back, 0, back.length, ETH_P_IP, 7));
    const [there6, back6] = [v6(`2001:db8::${i}`, '2001:db8:1::1'), v6('2001:db8:1::1', `2001:db8::${i}`)];
    expect(queueOf(there6, 0, there6.length, ETH_P_IPV6, 7)).toBe(queueOf(back6, 0, back6.length, ETH_P_IPV6, 7));
  }
});

test.each([
  ['IPv4', ETH_P_IP, (i: number) => v4(`10.0.${i >> 8}.${i & 255}`, '192.0.2.1')],
  ['IPv6', ETH_P_IPV6, (i: number) => v6(`2001:db8::${(i + 1).toString(16)}`, '2001:db8:1::1')],
])('addresses of %s are spread evenly', (_, etherType, build) => {
  const counts = new Uint32Array(4);
  for (let i = 0; i < 4000; i++) {
    const bytes = build(i);
    counts[queueOf(bytes, 0, bytes.length, etherType, 4)]!++;
  }
  // Five standard deviations of chance.
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(140);
});

test('a packet that is too short goes to the first', () => {
  expect(queueOf(v4('10.0.0.1', '10.0.0.2'), 0, 19, ETH_P_IP, 4)).toBe(0);
  expect(queueOf(v6('::1', '::2'), 0, 39, ETH_P_IPV6, 4)).toBe(0);
});
