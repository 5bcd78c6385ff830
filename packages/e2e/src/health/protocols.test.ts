// Checks over the network: of real servers, over IPv4 and IPv6, to targets' own addresses and to the VIP.

import { expect, test } from 'vitest';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { describeLive } from '../testing/describe-live.js';
import type { Target } from '../topology/host.js';
import { Topology } from '../topology/topology.js';
import { buildSctp, SCTP_PORT, SctpServers } from '../traffic/sctp.js';
import { ownAddress } from './checked-site.js';
import { TableKeeper } from './kept-table.js';
import { WEB_SERVERS, WebServer } from './web-server.js';

const QUICK = { interval: 0.5, timeout: 0.4 };

/** What checks say about each target, without changing what is used: `up`, `down: …`. */
async function judged(net: Topology, lb: LoadBalancer, health: object, family: 4 | 6 = 4): Promise<string[]> {
  const vip = net.vip(family);
  const addressOf = (target: Target): string => ownAddress(target, family);
  const targets = net.targets.map((target) => ({ fwmark: target.fwmark, addresses: [addressOf(target)], health: { ...QUICK, ...health } }));
  await using keeper = await TableKeeper.start(net.lb, { name: lb.table, panic: 0, vips: [vip], targets });
  return net.targets.map((target) => keeper.states[target.fwmark]!.replace(`${addressOf(target)}: `, '').replace(`${vip}: `, ''));
}

describeLive(
  'checks',
  () => {
    test('ICMP, TCP and HTTP: of nginx and HAProxy; a target without the VIP is found out only by checks to the VIP', {
      timeout: 120_000,
    }, async () => {
      await using net = await Topology.create({ targets: 3 });
      await using lb = await LoadBalancer.start(net);
      await using _nginx = await WebServer.start(net.target(1), 'nginx');
      await using _haproxy = await WebServer.start(net.target(2), 'haproxy');
      await using _without = await WebServer.start(net.target(3), 'nginx');
      const { device } = net.target(3).wire('client').own;
      for (const address of [`${net.vip4}/32`, `${net.vip6}/128`]) await net.target(3).ip(`address del ${address} dev ${device}`);
      const NONE = 'down: no answer within 0.4 s';
      for (const family of [4, 6] as const) {
        for (const health of [{ type: 'icmp' }, { type: 'tcp', port: 80 }, { type: 'http' }]) {
          expect(await judged(net, lb, { ...health, to: 'address' }, family)).toEqual(['up', 'up', 'up']);
          expect(await judged(net, lb, { ...health, to: 'vip' }, family)).toEqual(['up', 'up', NONE]);
        }
      }
      const broken = 'down: status 503, expected 200–299';
      expect(await judged(net, lb, { type: 'http', path: '/broken' })).toEqual([broken, broken, broken]);
      expect(await judged(net, lb, { type: 'udp', port: 9, send: 'x' })).toEqual(Array(3).fill('down: connection refused'));
    });

    test('SCTP', { timeout: 120_000 }, async () => {
      expect(buildSctp()).toBeUndefined();
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net);
      const health = { type: 'sctp', port: SCTP_PORT, to: 'vip' };
      {
        await using _servers = await SctpServers.start(net, [net.vip4, net.vip6]);
        // usrsctp leaves the source of its IPv6 packets to the kernel.
        for (const target of net.targets) {
          const { own, peer } = target.wire('lb1');
          await target.ip(`route replace ${peer.ipv6} dev ${own.device} src ${net.vip6}`);
        }
        expect(await judged(net, lb, health)).toEqual(['up', 'up']);
        expect(await judged(net, lb, health, 6)).toEqual(['up', 'up']);
        // usrsctp aborts an association to a port where nobody listens.
        expect(await judged(net, lb, { ...health, port: SCTP_PORT + 1 })).toEqual(Array(2).fill('down: association refused'));
      }
      expect(await judged(net, lb, health)).toEqual(Array(2).fill('down: protocol unreachable'));
    });

    test('500 targets, each once a second', { timeout: 120_000 }, async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net, { init: ['--M=10007', '--N=500'] });
      const target = net.target(1);
      await using _server = await WebServer.start(target, 'nginx');
      // All are one host, by different addresses.
      await target.ip('route add local 10.200.0.0/22 dev lo');
      await net.lb.ip(`route add 10.200.0.0/22 via ${ownAddress(target)}`);
      for (const health of [{ type: 'tcp', port: 80 }, { type: 'http' }, { type: 'icmp' }]) {
        const targets = Array.from({ length: 500 }, (_, i) => ({
          fwmark: 1000 + i,
          addresses: [`10.200.${i >> 8}.${i & 255}`],
          health: { ...health, interval: 1, timeout: 1 },
        }));
        await using keeper = await TableKeeper.start(net.lb, { name: lb.table, panic: 1, vips: [], targets });
        await new Promise((resolve) => setTimeout(resolve, 5000));
        const { core, checksPerSecond } = await keeper.stop();
        console.log(
          `500 targets, ${health.type}: ${checksPerSecond.toFixed(0)} checks/s, ${(core * 100).toFixed(1)}% of a core (goal on an idle machine: 5%)`,
        );
        expect(checksPerSecond).toBeGreaterThan(250);
        expect(Object.values(keeper.states).every((state) => state === 'up')).toBe(true);
        // What other programs add by cold caches is not bounded; a mistake by an order of magnitude is found.
        expect(core).toBeLessThan(0.5);
      }
    });
  },
  undefined,
  WEB_SERVERS,
);
