import { ETH_P_IP, ETH_P_IPV6 } from '@nfqlb/core';
import { decisionOf, decisionRecord as recordOf } from '@nfqlb/core/explanation';
import { packet } from '@nfqlb/core/packet-builder';
import { expect, test } from 'vitest';
import { decisionRecord } from './decision-record.js';
import { ReplayedBalancer } from './replayed-balancer.js';

const fragments = { size: 97, buckets: 10, fragments: 10, mtu: 1500, ttl: 200, holes: 0 };
const v4 = packet().ipv4('10.0.0.2', '10.0.0.1');
const v6 = packet().ipv6('1000::2', '1000::1');

test.each([
  ['TCP', v4.tcp(4711, 80).build()],
  ['UDP', v6.udp(4711, 53).build()],
  ['SCTP', v4.sctp(1, 2).build()],
  ['an echo request', v6.icmpEcho(7).build()],
  ['an ICMP error', v4.icmpError(3, 4, packet().ipv4('10.0.0.1', '10.0.0.2').tcp(80, 4711).build()).build()],
  ['an ICMP error about a protocol without ports', v4.icmpError(3, 2, packet().ipv4('10.0.0.1', '10.0.0.2').protocol(47).build()).build()],
  ['a first fragment', v4.fragment({ id: 7, offset: 0, more: true }).udp(4711, 53).payload(8).build()],
  ['a later fragment', v6.fragment({ id: 7, offset: 8, more: true }).payload(8).build()],
  ['another protocol', v4.protocol(47).build()],
  ['a truncated packet', v4.tcp(4711, 80).cut(22).build()],
  ['a packet that matches no flow', v4.udp(1, 9).build()],
])('has the same fields in the same order as elsewhere: %s', (_, bytes) => {
  const tables = new Map([['web', { M: 97, N: 4, targets: [{ fwmark: 101 }, { fwmark: 102 }] }]]);
  for (const choice of ['web', { flows: [{ name: 'some', target: 'web', dports: '2-80' }], promiscuousPing: false }]) {
    const replayed = new ReplayedBalancer({ tables, choice, fragments });
    const fwmark = replayed.balancer.decide(bytes, 0, bytes.length, bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP);
    const record = recordOf(decisionOf(replayed.balancer, fwmark, 1, { flow: replayed.flow, table: 'web' }), replayed.balancer.key);
    const line = JSON.stringify({ n: 3, time: '0.000000000', ...record, reinjected: false });
    expect(decisionRecord(3, '0.000000000', fwmark, replayed, false)).toBe(line);
  }
});
