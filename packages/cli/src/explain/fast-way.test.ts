import { TargetTable } from '@nfqlb/core';
import { defineFlow } from '@nfqlb/core/flows';
import { expect, test } from 'vitest';
import { Decider } from './decider.js';
import { FastWays } from './fast-way.js';
import { composePacket } from './given-packet.js';
import { Situation } from './situation.js';

const FLOWS = [
  { name: 'special', target: 'web', priority: 9, protocols: 'udp', dports: '5000', match: 'udp[4:2] = 100' },
  { name: 'tunnel', target: 'web', priority: 8, protocols: 'sctp', dports: '80', udpencap: 9899 },
  { name: 'rest', target: 'web', priority: 1, protocols: 'tcp,udp' },
].map(defineFlow);

const FRAGMENTS = { size: 97, buckets: 97, fragments: 0, ttl: 200, holes: 0, mtu: 1500 };
const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;

/** A table with one target. */
function table(): ArrayBuffer {
  const options = { M: 97, N: 4 };
  const memory = new ArrayBuffer(TargetTable.byteLength(options));
  TargetTable.create(memory, options).activate([{ fwmark: 1 }]);
  return memory;
}

test.each([
  ['tcp', 5000, 'decided in the kernel, if it comes in at eth0'],
  ['udp', 5001, 'decided in the kernel, if it comes in at eth0'],
  ['udp', 5000, 'the queue: a flow with a byte match may match'],
  ['udp', 9899, 'the queue: SCTP in UDP'],
  ['sctp', 80, 'decided in the kernel, if it comes in at eth0'],
  ['sctp', 81, 'the queue: without a flow: the queue drops it'],
] as const)('%s to port %i, where some flows are left to the queue: %s', (proto, dport, words) => {
  const memory = table();
  const situation = Situation.ofFlows(FLOWS, () => memory);
  const options = { balancer: { hashMode: 1 }, promiscuousPing: false, tier: undefined, fragments: FRAGMENTS } as const;
  const unfit = [
    { name: 'special', why: 'match' },
    { name: 'tunnel', why: 'udpencap' },
  ];
  const status = { vips: ['10.0.0.1/32'], interfaces: [{ name: 'eth0', state: 'attached' }], memory: 0, reasons: [], unfit };
  const ways = new FastWays(status, { promiscuousPing: false, flows: situation.flows });
  const packet = composePacket({ src: '10.0.0.2', dst: '10.0.0.1', proto: PROTOCOLS[proto], sport: 4711, dport });
  expect(ways.of(packet, new Decider(situation, options).decide(packet), undefined).words).toBe(words);
});
