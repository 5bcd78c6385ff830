// SCTP in UDP (RFC 6951) matches the flow of the inner SCTP packet and goes to the same target as plain SCTP.

import { packet, site } from '@nfqlb/testing';
import { describe, expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { NFQLB } from './program.js';

const ENCAPSULATION = 9899;
const tables = { signalling: { targets: { 101: 1, 102: 1, 103: 1 } }, other: { targets: { 104: 1 } } };
const SIGNALLING = { name: 'signalling', target: 'signalling', priority: 5, protocols: 'sctp', dports: 6000, udpencap: ENCAPSULATION };
const UDP = { name: 'udp', target: 'other', priority: 1, protocols: 'udp' };
const ASSOCIATION = { name: 'association', target: 'other', priority: 0, protocols: 'sctp', dports: 7000 };

describeLive(
  'SCTP in UDP',
  () => {
    describe.each(['simulated', 'live'] as const)('%s', (world) => {
      test.each([4, 6] as const)('IPv%i: follows the inner SCTP packet, and never a lower flow for UDP', async (family) => {
        await using edge = await site({ tables, flows: [SIGNALLING, UDP] }, { world });
        const ip = family === 4 ? packet().ipv4('10.2.0.1', '10.0.0.1') : packet().ipv6('fd00:2::1', '1000::1');
        const inUdp = (sport: number, dport: number, udp = ENCAPSULATION) => {
          const sctp = ip.sctp(sport, dport).build();
          return ip.udp(50_000 + sport, udp).payload(sctp.slice(family === 4 ? 20 : 40));
        };
        const ports = Array.from({ length: 12 }, (_, i) => i + 1);
        const { targets } = await edge.send(ports.map((port) => ip.sctp(port, 6000)));
        expect(new Set(targets)).toEqual(new Set(['signalling-1', 'signalling-2', 'signalling-3']));
        expect((await edge.send(ports.map((port) => inUdp(port, 6000)))).targets).toEqual(targets);

        // No flow for this association: its packets must not match the UDP flow. To this port, a packet that is not SCTP is dropped.
        expect(await edge.send([ip.sctp(1, 7000), inUdp(1, 7000), ip.udp(1, ENCAPSULATION).payload(3)])).toReachNoTarget();
        // To another port it is plain UDP.
        expect(await edge.send(inUdp(1, 6000, ENCAPSULATION + 1))).toReach('other');

        // A lower flow for SCTP matches it; a higher flow for UDP takes everything.
        await edge.apply({ tables, flows: [SIGNALLING, UDP, ASSOCIATION] });
        expect(await edge.send(inUdp(1, 7000))).toReach('other');
        await edge.apply({ tables, flows: [SIGNALLING, { ...UDP, priority: 9 }, ASSOCIATION] });
        expect(await edge.send(inUdp(1, 6000))).toReach('other');
        // No remaining flow enables SCTP in UDP.
        await edge.apply({ tables, flows: [ASSOCIATION] });
        expect(await edge.send(inUdp(1, 7000))).toReachNoTarget();
      });
    });
  },
  NFQLB,
);
