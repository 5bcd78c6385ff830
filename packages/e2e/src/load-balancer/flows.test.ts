// Many applications behind one `flowlb`: each with flows and targets of its own.

import { describe, expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import type { Target } from '../topology/host.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { FLOW_ADDRESS, sayToFlowLb } from './flow-commands.js';
import { LoadBalancer, type LoadBalancerOptions } from './load-balancer.js';
import { NFQLB } from './program.js';

interface ListedFlow {
  readonly name: string;
  readonly matches_count: number;
}

async function start(net: Topology, options: LoadBalancerOptions = {}): Promise<LoadBalancer> {
  return await LoadBalancer.start(net, { flows: true, targets: [], ...options });
}

/** Makes the table of an application; gives its name. */
async function tableOf(net: Topology, lb: LoadBalancer, application: string, ...targets: readonly Target[]): Promise<string> {
  const name = net.sharedMemory(application);
  await lb.run('init', `--shm=${name}`, '--M=997', '--N=32');
  if (targets.length > 0) await lb.run('activate', `--shm=${name}`, ...targets.map(({ fwmark }) => String(fwmark)));
  return name;
}

async function flows(lb: LoadBalancer): Promise<Record<string, number>> {
  const listed = JSON.parse(await lb.run('flow-list')) as ListedFlow[];
  return Object.fromEntries(listed.map(({ name, matches_count }) => [name, matches_count]));
}

/** Which targets answered, by number. */
const answering = ({ byTarget }: { readonly byTarget: readonly number[] }): number[] =>
  byTarget.flatMap((count, i) => (count > 0 ? [i + 1] : []));

describeLive(
  'flows',
  () => {
    describe.each([4, 6] as const)('over IPv%i', (family) => {
      test('lead each application to its own targets: by port, protocol and source', async () => {
        await using net = await Topology.create({ targets: 4 });
        await using lb = await start(net, { queue: '0:3' });
        const web = await tableOf(net, lb, 'web', net.target(1), net.target(2));
        const dns = await tableOf(net, lb, 'dns', net.target(3));
        const rest = await tableOf(net, lb, 'rest', net.target(4));
        const vip = family === 4 ? `${net.vip4}/32` : `${net.vip6}/128`;
        const near = family === 4 ? '10.2.0.1/32' : 'fd00:2::1/128';
        await lb.run(
          'flow-set',
          '--name=web',
          `--target=${web}`,
          '--prio=10',
          '--protocols=tcp,udp',
          '--dports=80,8000-8099',
          `--dsts=${vip}`,
        );
        await lb.run('flow-set', '--name=dns', `--target=${dns}`, '--prio=10', '--protocols=udp', '--dports=53', `--srcs=${near}`);
        await lb.run('flow-set', '--name=rest', `--target=${rest}`);
        const servers = [80, 8042, 53, 9999];
        for (const port of servers) await EchoServers.start(net, port);
        const asked = async (protocol: 'tcp' | 'udp', port: number, from?: string): Promise<number[]> => {
          const answers = await ask(net, { protocol, family, port, connections: 40, ...(from === undefined ? {} : { from }) });
          expect(answers).toMatchObject({ asked: 40, answered: 40, moved: 0 });
          return answering(answers);
        };
        // As IPv4 lets programs have an address that is local by a route alone.
        await net.client.run(['sh', '-c', 'echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind']);
        const [close, far] = family === 4 ? ['10.2.0.1', '10.2.0.2'] : ['fd00:2::1', 'fd00:2::2'];
        expect(await asked('tcp', 80)).toEqual([1, 2]);
        expect(await asked('udp', 8042)).toEqual([1, 2]);
        expect(await asked('udp', 53, close)).toEqual([3]);
        expect(await asked('udp', 53, far)).toEqual([4]);
        expect(await asked('tcp', 53, close)).toEqual([4]);
        expect(await asked('udp', 9999)).toEqual([4]);
        const counts = await flows(lb);
        // TCP sends several packets on each connection; a question over UDP is one.
        expect(counts).toMatchObject({ dns: 40 });
        expect(counts.web).toBeGreaterThan(80);
        expect(await net.lb.astray()).toBe(0);
      });

      test('that are gone, or have no target, let no packet through; and a lower flow gets none of the latter', async () => {
        await using net = await Topology.create({ targets: 2 });
        await using lb = await start(net);
        const web = await tableOf(net, lb, 'web', net.target(1));
        const rest = await tableOf(net, lb, 'rest', net.target(2));
        await EchoServers.start(net);
        const answered = async (): Promise<number[]> =>
          answering(await ask(net, { protocol: 'udp', family, connections: 5, timeout: 300 }));
        expect(await answered()).toEqual([]);
        await lb.run('flow-set', '--name=web', `--target=${web}`, '--prio=10', '--protocols=udp', '--dports=7');
        await lb.run('flow-set', '--name=rest', `--target=${rest}`);
        expect(await answered()).toEqual([1]);
        await lb.run('deactivate', `--shm=${web}`, String(net.target(1).fwmark));
        expect(await answered()).toEqual([]);
        await lb.run('delete', `--shm=${web}`);
        await expect.poll(() => lb.process.stderr).toContain(`table ${web} was deleted; its flows have no target until there is another`);
        expect(await answered()).toEqual([]);
        await tableOf(net, lb, 'web', net.target(1));
        await expect.poll(() => lb.process.stderr).toContain(`table ${web} is another one now: taken up`);
        expect(await answered()).toEqual([1]);
        await lb.run('flow-delete', '--name=web');
        expect(await answered()).toEqual([2]);
      });
    });

    test('redefined 50 times a second under load lose no packet, and send none elsewhere', async () => {
      await using net = await Topology.create({ targets: 4 });
      await using lb = await start(net, { flowAddress: FLOW_ADDRESS, options: ['--qlength=16384'] });
      const table = await tableOf(net, lb, 'application', ...net.targets);
      const other = await tableOf(net, lb, 'other', net.target(1));
      const set = (name: string, target: string, prio: number, more = ''): string =>
        `action:set\nname:${name}\ntarget:${target}\npriority:${prio}\n${more}eoc:\n`;
      // Others of higher priority, that match nothing of what is sent.
      const requests = [
        set('application', table, 1),
        ...Array.from({ length: 300 }, (_, i) => set(`f${i}`, other, 9, `protocols:udp\ndports:${6000 + i}\n`)),
      ];
      expect(await sayToFlowLb(net.lb, requests)).toBe(requests.length);

      await using receiver = await Receiver.start(net, { eachFlow: true, period: 200 });
      await using sender = await Sender.start(net, { rate: 30_000, sourceAddresses: 10, sourcePorts: 100 });
      const again = Array.from({ length: 200 }, (_, i) =>
        i % 2 === 0
          ? set('application', table, 1 + (i % 7), 'protocols:udp\n')
          : set(`f${i}`, other, 9, `dports:${7000 + i}\nprotocols:udp\n`),
      );
      expect(await sayToFlowLb(net.lb, again, 20)).toBe(200);
      const sent = await sender.stop();
      const received = await receiver.finish();
      expect(sent.sent).toBeGreaterThan(100_000);
      expect(received).toMatchObject({ overflows: 0, splitFlows: 0, duplicates: 0 });
      expect(lost(received, sent)).toBe(0);
      expect(await net.lb.astray()).toBe(0);
      expect(await flows(lb)).toMatchObject({ application: sent.sent });
    }, 60_000);

    test('a Kubernetes gateway’s session: every command as it gives it, twice', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await start(net, { queue: '0:3', options: ['--promiscuous_ping', '--qlength=1024', '--hash_mode=0'] });
      const shm = net.sharedMemory('stream-a');
      const twice = async (...command: readonly string[]): Promise<void> => {
        await lb.run(...command);
        await lb.run(...command);
      };
      await twice('init', '--ownfw=0', `--shm=${shm}`, '--M=3200', '--N=32');
      for (const [index, { fwmark }] of net.targets.entries()) await twice('activate', `--index=${index}`, `--shm=${shm}`, String(fwmark));
      const flow = ['--name=flow-a', `--target=${shm}`, '--prio=5', '--protocols=tcp,udp', `--dsts=${net.vip4}/32,${net.vip6}/128`];
      await twice('flow-set', ...flow, '--srcs=0.0.0.0/0,::/0', '--dports=7', '--sports=1024-65535', '--match=');
      await EchoServers.start(net);
      for (const family of [4, 6] as const) {
        expect(answering(await ask(net, { protocol: 'tcp', family, connections: 20 }))).toEqual([1, 2]);
        expect(await net.client.run(['ping', '-c', '2', '-i', '0.1', '-W', '2', net.vip(family)])).toContain('2 received');
      }
      expect((await flows(lb))['flow-a']).toBeGreaterThan(80);
      await twice('deactivate', '--index=0', `--shm=${shm}`);
      expect(answering(await ask(net, { protocol: 'tcp', connections: 20 }))).toEqual([2]);
      await twice('flow-delete', '--name=flow-a');
      expect(JSON.parse(await lb.run('flow-list'))).toEqual([]);
    });

    test('a guard keeps what was an application’s from a lower flow', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await start(net);
      const web = await tableOf(net, lb, 'web', net.target(1));
      const rest = await tableOf(net, lb, 'rest', net.target(2));
      const nothing = await tableOf(net, lb, 'nothing');
      await lb.run('flow-set', '--name=rest', `--target=${rest}`);
      await lb.run('flow-set', '--name=web', `--target=${web}`, '--prio=10', '--protocols=udp', '--dports=7');
      await lb.run('flow-set', '--name=web-guard', `--target=${nothing}`, '--prio=9', '--protocols=udp', '--dports=7');
      await EchoServers.start(net);
      expect(answering(await ask(net, { protocol: 'udp', connections: 5 }))).toEqual([1]);
      await lb.run('flow-delete', '--name=web');
      expect(answering(await ask(net, { protocol: 'udp', connections: 5, timeout: 300 }))).toEqual([]);
      expect((await flows(lb))['web-guard']).toBe(5);
    });

    test('what no flow matches, and what has no target, can be refused at once', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await start(net, { options: ['--nolb_fwmark=77', '--notargets_fwmark=78'] });
      const empty = await tableOf(net, lb, 'empty');
      await lb.run('flow-set', '--name=empty', `--target=${empty}`, '--protocols=tcp', '--dports=81');
      await net.lb.run([
        'iptables',
        '-w',
        '-A',
        'FORWARD',
        '-m',
        'mark',
        '--mark',
        '77',
        '-p',
        'tcp',
        '-j',
        'REJECT',
        '--reject-with',
        'tcp-reset',
      ]);
      await net.lb.run([
        'iptables',
        '-w',
        '-A',
        'FORWARD',
        '-m',
        'mark',
        '--mark',
        '78',
        '-j',
        'REJECT',
        '--reject-with',
        'icmp-host-unreachable',
      ]);
      const connect = (port: number): Promise<string> =>
        net.client.run([
          process.execPath,
          '-e',
          `require('node:net').connect(${port}, '${net.vip4}').on('error', ({ code }) => console.log(code))`,
        ]);
      const begin = performance.now();
      expect((await connect(80)).trim()).toBe('ECONNREFUSED');
      expect((await connect(81)).trim()).toBe('EHOSTUNREACH');
      expect(performance.now() - begin).toBeLessThan(2000);
    });

    test('what is refused is said in one line, and changes nothing', async () => {
      await using net = await Topology.create();
      await using lb = await start(net);
      const table = await tableOf(net, lb, 'table', net.target(1));
      const refusal = (...args: readonly string[]): Promise<string> =>
        lb.run(...args).then(
          () => 'none',
          (error: Error) => error.message,
        );
      expect(await refusal('flow-set', '--name=a', '--target=nfqlb-none')).toContain(
        'nfqlb flow-set: shared memory nfqlb-none: there is none of that name',
      );
      expect(await refusal('flow-set', '--name=a#b', `--target=${table}`)).toContain('nfqlb flow-set: name "a#b": must be');
      expect(await refusal('flow-set', '--name=a', `--target=${table}`, '--dports=0')).toContain('dports "0": must be');
      expect(await refusal('flow-list', '--name=none')).toContain('nfqlb flow-list: name "none": there is no such flow');
      expect(await lb.run('flow-list-names')).toBe('[]\n');
      const second = net.lb.run([...NFQLB.command, 'flowlb', '--queue=9']).then(
        () => 'none',
        (error: Error) => error.message,
      );
      expect(await second).toContain('nfqlb flowlb: unix:nfqlb: another program listens on it (EADDRINUSE)');
      await lb.stop();
      expect(await refusal('flow-list')).toContain('nfqlb flow-list: unix:nfqlb: no load-balancer with flows listens there');
    });
  },
  NFQLB,
);
