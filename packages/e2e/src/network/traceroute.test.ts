// Time exceeded (RFC 792, RFC 4443): traceroute to the VIP and from it.

import { parseIpAddress } from '@nfqlb/core/address';
import { describe, expect } from 'vitest';
import { LoadBalancer, startedIn } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { CIRCUMSTANCES, type Family } from '../matrix/behaviours.js';
import { behaviour } from '../testing/behaviour.js';
import { describeLive } from '../testing/describe-live.js';
import type { Host, Target } from '../topology/host.js';
import { GATE } from '../topology/plan.js';
import { Topology } from '../topology/topology.js';
import { Arrivals } from '../traffic/arrivals.js';
import { ask } from '../traffic/questions.js';
import { WebServers } from '../traffic/web.js';

const NARROW = 1300;

/** Who answered at each hop: a host name or `VIP`; `*` if nobody did. */
async function traceroute(net: Topology, from: Host, family: Family, to: string, ...options: readonly string[]): Promise<string[]> {
  const output = await from.run(['traceroute', `-${family}`, '-n', '-q', '1', ...options, to]);
  return [...output.matchAll(/^ *\d+ +(\S+)/gm)].map(([, hop]) => (hop === '*' ? '*' : nameOf(net, hop!)));
}

function nameOf(net: Topology, address: string): string {
  const matches = (other: string): boolean => `${parseIpAddress(other)}` === `${parseIpAddress(address)}`;
  if (matches(net.vip4) || matches(net.vip6)) return 'VIP';
  const host = net.hosts.find(({ wires }) => [...wires.values()].some(({ own }) => matches(own.ipv4) || matches(own.ipv6)));
  return host?.host ?? address;
}

describeLive(
  'traceroute',
  () => {
    describe.each(CIRCUMSTANCES)('over IPv$family, queues: $queues, fast path: $fast', ({ family, queues, fast }) => {
      const started = startedIn({ family, queues, fast });
      const traced = { behaviour: 'traceroute', family, queues, fast } as const;

      behaviour('to the VIP by UDP, TCP and ICMP shows all hops, the load balancer among them, and ends at a target', traced, async () => {
        await using net = await Topology.create({ targets: 4, narrow: NARROW });
        await using _lb = await LoadBalancer.start(net, started);
        await using _servers = await WebServers.start(net);
        for (const protocol of [[], ['-T', '-p', '80'], ['-I']]) {
          expect(await traceroute(net, net.client, family, net.vip(family), ...protocol)).toEqual(['gate', 'router', 'lb1', 'VIP']);
        }
        expect(await net.lb.astray()).toBe(0);
      });

      behaviour(
        'from the VIP, on a connection of a client, shows all hops to the target that owns it, and none to others',
        traced,
        async () => {
          await using net = await Topology.create({ targets: 4, narrow: NARROW });
          await using _lb = await LoadBalancer.start(net, started);
          // The client's port is closed after the request, so its host also answers with an error that quotes the connection.
          await using watch = await Arrivals.start(net);
          await ask(net, { protocol: 'udp', family, port: 9, timeout: 50 });
          const asked = (await watch.finish()).find(({ protocol, icmp }) => protocol === 17 && icmp === undefined)!;
          const client = net.client.wire(GATE).own[family === 4 ? 'ipv4' : 'ipv6'];
          const options = ['-m', '3', '-w', '0.3', '-U', '-s', net.vip(family), '--sport=9', '-p', String(asked.clientPort)];
          const trace = (target: Target): Promise<string[]> => traceroute(net, target, family, client, ...options);
          expect(await trace(net.target(asked.target))).toEqual(['router', 'gate', 'client']);
          // Not at the same time, since routers' errors about these packets also reach the owner.
          const others = net.targets.filter(({ number }) => number !== asked.target);
          expect(await Promise.all(others.map(trace))).toEqual(others.map(() => ['*', '*', '*']));
        },
      );
    });
  },
  NFQLB,
  { traceroute: 'traceroute' },
);
