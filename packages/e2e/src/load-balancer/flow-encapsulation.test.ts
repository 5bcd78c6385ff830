// SCTP in UDP (RFC 6951) matches the flow of the inner SCTP packet and goes to the same target as plain SCTP.

import { type PacketBuilder, packet } from '@nfqlb/core/testing';
import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { inject } from '../traffic/injection.js';
import { matches, startFlowLb, tableOf } from './application.js';
import { NFQLB } from './program.js';

const ENCAPSULATION = 9899;

describeLive(
  'SCTP in UDP',
  () => {
    test.each([4, 6] as const)(
      'IPv%i: follows the inner SCTP packet, and never a lower flow for UDP',
      async (family) => {
        await using net = await Topology.create({ targets: 4 });
        await using lb = await startFlowLb(net);
        const signalling = await tableOf(net, lb, 'signalling', net.target(1), net.target(2), net.target(3));
        const other = await tableOf(net, lb, 'other', net.target(4));
        const flow = (name: string, target: string, prio: number, ...match: readonly string[]): Promise<string> =>
          lb.run('flow-set', `--name=${name}`, `--target=${target}`, `--prio=${prio}`, ...match);
        await flow('signalling', signalling, 5, '--protocols=sctp', '--dports=6000', `--udpencap=${ENCAPSULATION}`);
        await flow('udp', other, 1, '--protocols=udp');

        const ip = (): PacketBuilder => (family === 4 ? packet().ipv4('10.2.0.1', net.vip4) : packet().ipv6('fd00:2::1', net.vip6));
        const sctp = (sport: number, dport: number): PacketBuilder => ip().sctp(sport, dport);
        const inUdp = (sport: number, dport: number, udp = ENCAPSULATION): PacketBuilder => {
          const headers = family === 4 ? 20 : 40;
          return ip()
            .udp(50_000 + sport, udp)
            .payload(sctp(sport, dport).build().slice(headers));
        };
        /** Number of the target that a packet reaches; `undefined` if none. */
        const targetOf = async (built: PacketBuilder): Promise<number | undefined> => {
          const counts = (): Promise<number[]> =>
            Promise.all(net.targets.map(async (target) => (await target.counts(target.wire(net.lb.host).own.device)).received));
          const before = await counts();
          await inject(net, { packets: [Buffer.from(built.build()).toString('hex')] });
          for (let i = 0; i < 10; i++) {
            const target = (await counts()).findIndex((count, i) => count > before[i]!);
            if (target >= 0) return target + 1;
          }
          return undefined;
        };

        const targets = new Set<number | undefined>();
        for (let sport = 1; sport <= 12; sport++) {
          const target = await targetOf(sctp(sport, 6000));
          expect(await targetOf(inUdp(sport, 6000))).toBe(target);
          targets.add(target);
        }
        expect([...targets].sort()).toEqual([1, 2, 3]);
        expect(await matches(lb)).toEqual({ signalling: 24, udp: 0 });

        // No flow for this association: its packets must not match the UDP flow.
        expect(await targetOf(sctp(1, 7000))).toBeUndefined();
        expect(await targetOf(inUdp(1, 7000))).toBeUndefined();
        // To another port it is plain UDP; to this port a packet that is not SCTP is dropped.
        expect(await targetOf(inUdp(1, 6000, ENCAPSULATION + 1))).toBe(4);
        expect(await targetOf(ip().udp(1, ENCAPSULATION).payload(3))).toBeUndefined();
        expect(await matches(lb)).toEqual({ signalling: 24, udp: 1 });

        // A lower flow for SCTP matches it; a higher flow for UDP takes everything.
        await flow('association', other, 0, '--protocols=sctp', '--dports=7000');
        expect(await targetOf(inUdp(1, 7000))).toBe(4);
        await flow('udp', other, 9, '--protocols=udp');
        expect(await targetOf(inUdp(1, 6000))).toBe(4);
        expect(await matches(lb)).toEqual({ signalling: 24, udp: 2, association: 1 });
        await lb.run('flow-delete', '--name=udp');
        await lb.run('flow-delete', '--name=signalling');
        // No remaining flow enables SCTP in UDP.
        expect(await targetOf(inUdp(1, 7000))).toBeUndefined();
      },
      60_000,
    );
  },
  NFQLB,
);
