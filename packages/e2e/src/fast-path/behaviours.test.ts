// The rows of the matrix that are tested in containers without the fast path, here with it in network namespaces.

import { describe, expect, vi } from 'vitest';
import { startFlowLb, tableOf } from '../load-balancer/application.js';
import { LoadBalancer, startedIn } from '../load-balancer/load-balancer.js';
import { FAST } from '../matrix/behaviours.js';
import { makeBare, nfqlb, setUpOf } from '../setup/router.js';
import { behaviour } from '../testing/behaviour.js';
import { describeFastPath } from '../testing/describe-fast-path.js';
import type { Host } from '../topology/host.js';
import { CLIENT } from '../topology/plan.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { type Answers, ask, Questions } from '../traffic/questions.js';
import { fastPathOf } from './fast-path-status.js';

type Family = 4 | 6;

const EVERY_ANSWER = { broken: 0, moved: 0 };

/** Milliseconds: many commands, each of which may take a second on a busy machine. */
const LONG = 180_000;

/** Replaces the topology's rules by those of `nfqlb up --fast`. */
async function setUp(net: Topology, ...options: readonly string[]): Promise<void> {
  await makeBare(net);
  await nfqlb(net.lb, 'up', '--fast', ...setUpOf(net), ...options);
}

/** Connections of which each asks every 20 ms, from when the load balancers have had at least this many of their packets. */
async function hold(net: Topology, family: Family, connections: number, lbs: readonly LoadBalancer[]): Promise<Questions> {
  const held = await Questions.start(net, { protocol: 'tcp', family, connections, repeat: 0, interval: 20, timeout: 5000 });
  await vi.waitFor(
    async () => {
      const counts = await Promise.all(lbs.map(async (lb) => (await fastPathOf(lb)).kernel));
      expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(6 * connections);
    },
    { timeout: 60_000 },
  );
  return held;
}

const targetsOf = ({ byTarget }: Answers): number[] => byTarget.flatMap((count, i) => (count > 0 ? [i + 1] : []));

/** The targets of new connections. */
async function targetsOfNew(net: Topology, family: Family): Promise<number[]> {
  const answers = await ask(net, { protocol: 'tcp', family, connections: 40, timeout: 5000 });
  expect(answers).toMatchObject({ asked: 40, answered: 40, ...EVERY_ANSWER });
  return targetsOf(answers);
}

/** Waits until new connections go to these targets. No command waits for the kernel's table. */
function expectNew(net: Topology, family: Family, targets: readonly number[]): Promise<void> {
  return vi.waitFor(async () => expect(await targetsOfNew(net, family)).toEqual(targets), { timeout: 20_000 });
}

/** SYNs that were retransmitted, because the first was lost (RFC 6298 §2.1). */
async function retransmittedSyns(client: Host): Promise<number> {
  const [names, values] = (await client.run(['cat', '/proc/net/netstat'])).split('\n').map((line) => line.split(' '));
  return Number(values![names!.indexOf('TCPSynRetrans')]);
}

/** Counts packets between two addresses as they come to a host; the result returns the count. */
async function packetsBetween(host: Host, family: Family, from: string, to: string): Promise<() => Promise<number>> {
  await host.iptables(family, `-t raw -A PREROUTING -s ${from} -d ${to}`);
  const rule = (await host.iptables(family, '-t raw -S PREROUTING')).match(/^-A/gm)!.length;
  return async () => Number((await host.iptables(family, `-t raw -nvxL PREROUTING ${rule}`)).trim().split(/\s+/)[0]);
}

describeFastPath('with the fast path', () => {
  describe.each(FAST)('over IPv$family', (circumstances) => {
    const { family } = circumstances;
    const started = startedIn(circumstances);

    behaviour(
      'NAT: a deactivated target keeps its connections and gets no new ones',
      { behaviour: 'nat', ...circumstances },
      async () => {
        await using net = await Topology.create({ targets: 3, mode: 'nat' });
        await using _servers = await EchoServers.start(net);
        await using lb = await LoadBalancer.start(net, started);
        await setUp(net);
        await using held = await hold(net, family, 60, [lb]);
        await lb.deactivate(net.target(2));
        await expectNew(net, family, [1, 3]);
        await lb.activate(net.target(2));
        await expectNew(net, family, [1, 2, 3]);
        const answers = await held.stop();
        expect(answers).toMatchObject({ answered: answers.asked, ...EVERY_ANSWER });
        expect(targetsOf(answers)).toEqual([1, 2, 3]);
        expect((await lb.queueStatus())[0]!.lastId).toBe(0);
      },
      LONG,
    );

    behaviour(
      'NAT: no connection is lost or slow while targets come and go',
      { behaviour: 'nat-change', ...circumstances },
      async () => {
        await using net = await Topology.create({ targets: 3, mode: 'nat' });
        await using _servers = await EchoServers.start(net);
        await using lb = await LoadBalancer.start(net, started);
        await setUp(net);
        const before = await retransmittedSyns(net.client);
        let ended = false;
        const changes = (async () => {
          for (const target of net.targets) {
            await lb.deactivate(target);
            await lb.activate(target);
          }
          ended = true;
        })();
        const seen = new Set<number>();
        for (let rounds = 0; !ended || rounds < 5; rounds++) for (const target of await targetsOfNew(net, family)) seen.add(target);
        await changes;
        expect([...seen].sort()).toEqual([1, 2, 3]);
        expect(await retransmittedSyns(net.client)).toBe(before);
        expect((await lb.queueStatus())[0]!.lastId).toBe(0);
      },
      LONG,
    );

    behaviour(
      'DSR: answers go straight back, and targets see the client’s address',
      { behaviour: 'dsr', ...circumstances },
      async () => {
        await using net = await Topology.create({ targets: 3 });
        await using _servers = await EchoServers.start(net);
        await using lb = await LoadBalancer.start(net, started);
        await setUp(net);
        const client = net.client.wire(net.lb.host).own[family === 4 ? 'ipv4' : 'ipv6'];
        const there = await packetsBetween(net.lb, family, client, net.vip(family));
        const back = await packetsBetween(net.lb, family, net.vip(family), client);
        const arrived = await Promise.all(net.targets.map((target) => packetsBetween(target, family, client, net.vip(family))));
        const answers = await ask(net, { protocol: 'tcp', family, connections: 60, repeat: 10 });
        expect(answers).toMatchObject({ asked: 600, answered: 600, ...EVERY_ANSWER });
        expect(targetsOf(answers)).toEqual([1, 2, 3]);
        const packets = (await Promise.all(arrived.map((count) => count()))).reduce((sum, count) => sum + count, 0);
        expect(packets).toBeGreaterThan(600);
        expect(await there()).toBe(packets);
        expect(await back()).toBe(0);
        expect((await fastPathOf(lb)).kernel).toBe(packets);
      },
      LONG,
    );

    behaviour(
      'SYN-only: connections survive changes and a load balancer that hangs',
      { behaviour: 'syn-only', ...circumstances },
      async () => {
        await using net = await Topology.create({ targets: 3, mode: 'nat' });
        await using _servers = await EchoServers.start(net);
        await using lb = await LoadBalancer.start(net, started);
        await setUp(net, '--syn-only');
        await using held = await hold(net, family, 60, [lb]);
        await lb.deactivate(net.target(1), net.target(2));
        await expectNew(net, family, [3]);
        await lb.activate(net.target(1), net.target(2));
        await expectNew(net, family, [1, 2, 3]);
        lb.process.signal('SIGSTOP');
        try {
          // The kernel goes on, also with new connections.
          await expectNew(net, family, [1, 2, 3]);
          const answers = await held.stop();
          expect(answers).toMatchObject({ answered: answers.asked, ...EVERY_ANSWER });
          expect(targetsOf(answers)).toEqual([1, 2, 3]);
        } finally {
          lb.process.signal('SIGCONT');
        }
        // Not even the first packet of a connection is in the queue.
        expect((await lb.queueStatus())[0]!.lastId).toBe(0);
      },
      LONG,
    );

    behaviour(
      'two load balancers: one is killed, connections go on at the same targets',
      { behaviour: 'ecmp', ...circumstances },
      async () => {
        await using net = await Topology.create({ targets: 3, lbs: 2 });
        await using _servers = await EchoServers.start(net);
        const [first, second] = net.lbs;
        await using one = await LoadBalancer.start(net, { ...started, host: first! });
        await using two = await LoadBalancer.start(net, { ...started, host: second! });
        await using held = await hold(net, family, 100, [one, two]);
        const shares = await Promise.all([one, two].map(async (lb) => (await fastPathOf(lb)).kernel));
        // Each has 50 of 100 connections, within five standard deviations.
        expect(Math.min(...shares) / (shares[0]! + shares[1]!)).toBeGreaterThan(0.25);
        await one.kill();
        // As when its machine is gone; its program in the kernel would go on.
        await first!.ip(`link set ${CLIENT} down`);
        // As a routing protocol does then.
        const { peer } = net.client.wire(second!.host);
        await net.client.ip(`route replace ${net.vip(family)} via ${family === 4 ? peer.ipv4 : peer.ipv6}`);
        const { kernel } = await fastPathOf(two);
        await vi.waitFor(async () => expect((await fastPathOf(two)).kernel).toBeGreaterThan(kernel + 300), { timeout: 20_000 });
        const answers = await held.stop();
        expect(answers).toMatchObject({ answered: answers.asked, ...EVERY_ANSWER });
        expect(targetsOf(answers)).toEqual([1, 2, 3]);
      },
      LONG,
    );

    behaviour(
      'a client without a target or without a flow is refused at once',
      { behaviour: 'reject', ...circumstances },
      async () => {
        await using net = await Topology.create({ targets: 1 });
        await using lb = await startFlowLb(net, { ...started, options: ['--nolb_fwmark=77', '--notargets_fwmark=78'] });
        await using _servers = await EchoServers.start(net, 80);
        const web = await tableOf(net, lb, 'web', net.target(1));
        await lb.run('flow-set', '--name=web', `--target=${web}`, '--protocols=tcp', '--dports=80');
        await net.lb.iptables(family, '-A FORWARD -p tcp -m mark --mark 78 -j REJECT --reject-with tcp-reset');
        await net.lb.ip(`-${family} rule add fwmark 77 table 77`);
        await net.lb.ip(`-${family} route add unreachable default table 77`);
        /** Why a connection fails. If not refused, it would be ETIMEDOUT after minutes. */
        const refusal = async (port: number): Promise<string> => {
          const program = `require('node:net').connect(${port}, '${net.vip(family)}')
            .on('error', ({ code }) => console.log(code)).on('connect', () => { console.log('connected'); process.exit(); })`;
          return (await net.client.run([process.execPath, '-e', program])).trim();
        };
        expect(await ask(net, { protocol: 'tcp', family, port: 80 })).toMatchObject({ answered: 1 });
        expect(await refusal(81)).toMatch(/^(EHOSTUNREACH|ENETUNREACH)$/);
        await lb.run('deactivate', `--shm=${web}`, String(net.target(1).fwmark));
        await vi.waitFor(async () => expect(await refusal(80)).toBe('ECONNREFUSED'), { timeout: 20_000 });
        await lb.run('activate', `--shm=${web}`, String(net.target(1).fwmark));
        await vi.waitFor(async () => expect(await ask(net, { protocol: 'tcp', family, port: 80 })).toMatchObject({ answered: 1 }), {
          timeout: 20_000,
        });
        expect((await lb.queueStatus())[0]!.lastId).toBe(0);
      },
      LONG,
    );

    behaviour(
      'promiscuous ping: addresses of a flow answer ping when told to',
      { behaviour: 'ping', ...circumstances },
      async () => {
        await using net = await Topology.create({ targets: 3 });
        await using _servers = await EchoServers.start(net, 80);
        for (const promiscuous of [true, false]) {
          await using lb = await startFlowLb(net, { ...started, options: promiscuous ? ['--promiscuous_ping'] : [] });
          const web = await tableOf(net, lb, 'web', ...net.targets);
          const flow = ['--protocols=tcp', '--dports=80', `--dsts=${net.vip4}/32,${net.vip6}/128`];
          await lb.run('flow-set', '--name=web', `--target=${web}`, ...flow);
          const ping = ['sh', '-c', `ping -c 3 -i 0.1 -W 1 ${net.vip(family)} || true`];
          expect(await net.client.run(ping)).toContain(promiscuous ? ' 3 received' : ' 0 received');
          expect(await ask(net, { protocol: 'tcp', family, port: 80, connections: 40 })).toMatchObject({ answered: 40, ...EVERY_ANSWER });
          expect((await fastPathOf(lb)).reasons).toMatchObject(promiscuous ? { ping: 3 } : { 'no-flow-drop': 3 });
          await lb.stop();
        }
      },
      LONG,
    );
  });
});
