// Path MTU discovery through the load balancer (RFC 1191, RFC 8201, RFC 4459): links narrower than senders expect.

import { describe, expect, test } from 'vitest';
import { LoadBalancer, type LoadBalancerOptions, startedIn } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { CIRCUMSTANCES, type Family } from '../matrix/behaviours.js';
import { behaviour } from '../testing/behaviour.js';
import { describeLive } from '../testing/describe-live.js';
import { type Mode, ROUTER } from '../topology/plan.js';
import { Topology } from '../topology/topology.js';
import { type Arrival, Arrivals } from '../traffic/arrivals.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { transfer, WebServers } from '../traffic/web.js';

/** MTU of the narrow link, octets. */
const NARROW = 1300;
const LARGE = 20_000_000;
/** Fragmentation needed (RFC 792), packet too big (RFC 4443). */
const TOO_LONG = { 4: '3,4', 6: '2,0' } as const;

const FAMILIES = [4, 6] as const;

const tooLong = (arrivals: readonly Arrival[], family: Family): Arrival[] =>
  arrivals.filter((arrival) => arrival.family === family && `${arrival.icmp}` === TOO_LONG[family]);

/** Clears the targets' path MTU caches. */
async function forgetPaths(net: Topology): Promise<void> {
  await Promise.all(net.targets.flatMap((target) => ['-4', '-6'].map((family) => target.ip(`${family} route flush cache`))));
}

/**
 * Downloads 100 kB from each client port, with empty path MTU caches on the targets; returns `PORT: TARGET` of each. A port cannot be reused
 * for a minute.
 */
async function downloadFrom(net: Topology, family: Family, first: number, count: number): Promise<string[]> {
  const served: string[] = [];
  for (let port = first; port < first + count; port++) {
    const { target, ...rest } = await transfer(net, net.client, { family, octets: 100_000, port, timeout: 10 });
    expect({ port, ...rest }).toEqual({ port, status: 0, octets: 100_000 });
    served.push(`${port}: ${target}`);
    await forgetPaths(net);
  }
  return served;
}

/** `PORT: TARGET` of each error that arrived. */
function errorTargets(arrivals: readonly Arrival[], family: Family): string[] {
  return tooLong(arrivals, family)
    .map(({ clientPort, target }) => `${clientPort}: ${target}`)
    .sort();
}

/** Drops ICMP, as many firewalls do. */
async function filterIcmp(net: Topology, family: Family): Promise<void> {
  await net.lb.iptables(family, `-t mangle -I PREROUTING -d ${net.vip(family)} -p ${family === 4 ? 'icmp' : 'icmpv6'} -j DROP`);
}

async function start(net: Topology, options: LoadBalancerOptions = {}): Promise<LoadBalancer> {
  return await LoadBalancer.start(net, { ...options, options: ['--qlength=8192'] });
}

describeLive(
  'path MTU discovery',
  () => {
    describe.each(CIRCUMSTANCES)('over IPv$family, queues: $queues, fast path: $fast', ({ family, queues, fast }) => {
      const started = startedIn({ family, queues, fast });
      const pmtu = { behaviour: 'pmtu', family, queues, fast } as const;

      describe.each(['dsr', 'nat'] satisfies Mode[])('with %s', (mode) => {
        behaviour('a large download passes a narrow link: its target hears of it', pmtu, async () => {
          await using net = await Topology.create({ targets: 4, narrow: NARROW, mode });
          await using _lb = await start(net, started);
          await using _servers = await WebServers.start(net);
          await using watch = await Arrivals.start(net);
          const { target, ...rest } = await transfer(net, net.client, { family, octets: LARGE, timeout: 20 });
          expect(rest).toEqual({ status: 0, octets: LARGE });
          const errors = tooLong(await watch.finish(), family);
          expect(new Set(errors.map((error) => error.target))).toEqual(new Set([target]));
        });
      });

      behaviour('downloads from 50 source ports pass, the error about each coming to its own target', pmtu, async () => {
        await using net = await Topology.create({ targets: 4, narrow: NARROW });
        await using _lb = await start(net, started);
        await using _servers = await WebServers.start(net);
        await using watch = await Arrivals.start(net);
        const served = await downloadFrom(net, family, 30_000, 50);
        expect(errorTargets(await watch.finish(), family)).toEqual(served);
        expect(new Set(served.map((line) => line.split(': ')[1])).size).toBe(4);
      });

      behaviour('long answers over UDP come once their target has heard, in fragments', { ...pmtu, behaviour: 'icmp-udp' }, async () => {
        await using net = await Topology.create({ targets: 4, narrow: NARROW });
        await using _lb = await start(net, started);
        await using _servers = await EchoServers.start(net, 7, { udpOctets: 1400 });
        await using watch = await Arrivals.start(net, { silence: 300 });
        const answers = await ask(net, { protocol: 'udp', family, connections: 40, repeat: 3, timeout: 300 });
        // The first answer of each target is too long for the link. From the error the target learns the MTU for the others.
        expect(answers).toMatchObject({ asked: 120, answered: 116, moved: 0 });
        const errors = tooLong(await watch.finish(), family);
        expect(errors.map(({ target, protocol }) => [target, protocol]).sort()).toEqual([1, 2, 3, 4].map((target) => [target, 17]));
      });
    });

    test('with ICMP filtered, a download still succeeds from targets that probe the path MTU', async () => {
      await using net = await Topology.create({ targets: 1, narrow: NARROW });
      await using _lb = await start(net);
      await using _servers = await WebServers.start(net);
      await filterIcmp(net, 4);
      await net.target(1).run(['sysctl', '-qw', 'net.ipv4.tcp_mtu_probing=1']);
      expect(await transfer(net, net.client, { family: 4, octets: 1_000_000, timeout: 20 })).toMatchObject({
        status: 0,
        octets: 1_000_000,
      });
    });

    describe.each(FAMILIES)('over IPv%i', (family) => {
      // The other tests are meaningful only if this holds.
      test('with ICMP filtered, the same download and answers fail', async () => {
        await using net = await Topology.create({ targets: 4, narrow: NARROW });
        await using _lb = await start(net);
        await using _servers = await WebServers.start(net);
        await using _echo = await EchoServers.start(net, 7, { udpOctets: 1400 });
        await filterIcmp(net, family);
        expect(await transfer(net, net.client, { family, octets: LARGE, timeout: 1 })).toMatchObject({ status: 28 });
        expect(await ask(net, { protocol: 'udp', family, connections: 4, repeat: 2, timeout: 200 })).toMatchObject({ answered: 0 });
      });

      test('with flows, the error matches the flow of its connection', async () => {
        await using net = await Topology.create({ targets: 4, narrow: NARROW });
        await using lb = await start(net, { flows: true });
        await lb.run('flow-set', '--name=web', `--target=${lb.table}`, '--protocols=tcp', '--dports=80');
        await using _servers = await WebServers.start(net);
        await using watch = await Arrivals.start(net);
        const served = await downloadFrom(net, family, 30_000, 8);
        expect(errorTargets(await watch.finish(), family)).toEqual(served);
      });

      test('with two load balancers, the error may pass through either', async () => {
        await using net = await Topology.create({ targets: 4, lbs: 2, narrow: NARROW });
        await using _first = await start(net, { host: net.lbs[0]! });
        await using _second = await start(net, { host: net.lbs[1]! });
        await using _servers = await WebServers.start(net);
        const router = net.routers[1]!;
        for (const lb of net.lbs) {
          // Errors pass through this one, downloads through both.
          const { peer } = router.wire(lb.host);
          await router.ip(`-${family} route replace ${net.vip(family)} via ${family === 4 ? peer.ipv4 : peer.ipv6} table 99`);
          await router.ip(`-${family} rule add ipproto ${family === 4 ? 'icmp' : 'ipv6-icmp'} lookup 99 priority 50`);
          const before = await lb.counts(ROUTER);
          await using watch = await Arrivals.start(net);
          const served = await downloadFrom(net, family, 30_000 + 100 * lb.number, 8);
          expect(errorTargets(await watch.finish(), family)).toEqual(served);
          expect((await lb.counts(ROUTER)).received - before.received).toBeGreaterThanOrEqual(8);
          await router.ip(`-${family} rule del priority 50`);
        }
      });

      test('an upload passes a narrow link between load balancer and targets: the client learns the MTU', async () => {
        await using net = await Topology.create({ targets: 4 });
        await using _lb = await start(net);
        await using _servers = await WebServers.start(net);
        // For example, a tunnel to the target.
        for (const { host } of net.targets) await net.lb.ip(`link set ${host} mtu ${NARROW}`);
        expect(await transfer(net, net.client, { family, octets: LARGE, timeout: 20, direction: 'upload' })).toMatchObject({
          status: 0,
          octets: LARGE,
        });
        expect(await net.client.ip(`-${family} route get ${net.vip(family)}`)).toContain(`mtu ${NARROW}`);
      });
    });
  },
  NFQLB,
  { curl: 'curl' },
);
