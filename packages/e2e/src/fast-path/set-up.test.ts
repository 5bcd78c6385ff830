// `nfqlb up --fast`, doctor, down, privileges, and what is said when something is wrong.

import { fragments, packet } from '@nfqlb/core/testing';
import { expect, test } from 'vitest';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import type { Running } from '../processes/running.js';
import { doctor } from '../setup/examination.js';
import { makeBare, nfqlb, setUpOf } from '../setup/router.js';
import { describeFastPath } from '../testing/describe-fast-path.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { fastPathOf } from './fast-path-status.js';

/** Runs as an ordinary user with just these capabilities. */
const withCapabilities = (...names: readonly string[]): string[] => {
  const list = names.map((name) => `+${name}`).join();
  return ['setpriv', '--reuid=4711', '--regid=4711', '--clear-groups', `--inh-caps=${list}`, `--ambient-caps=${list}`];
};

describeFastPath('nfqlb up --fast', () => {
  test.each(['dsr', 'nat'] as const)(
    '--mode=%s: connections work, doctor finds nothing, down removes everything',
    async (mode) => {
      await using net = await Topology.create({ targets: 2, mode });
      await makeBare(net);
      await nfqlb(net.lb, 'up', '--fast', ...setUpOf(net));
      await using lb = await LoadBalancer.start(net, { fast: true, queue: '2', options: ['--keep'] });
      // The rules of `up` alone.
      for (const family of [4, 6] as const)
        await net.lb.iptables(family, `-t mangle -D PREROUTING -d ${net.vip(family)} -m mark --mark 0 -j NFQUEUE --queue-num 2`);
      await using _servers = await EchoServers.start(net);
      const answers = async (): Promise<void> => {
        for (const family of [4, 6] as const) {
          for (const protocol of ['tcp', 'udp'] as const) {
            expect(await ask(net, { family, protocol, connections: 20 })).toMatchObject({ answered: 20, broken: 0, moved: 0 });
          }
        }
      };
      await answers();
      const { kernel, queue } = await fastPathOf(lb);
      expect(kernel).toBeGreaterThan(80);
      expect(queue).toBe(0);
      const explained = async (...packet: readonly string[]): Promise<unknown> =>
        JSON.parse(await nfqlb(net.lb, 'explain', '--json', '--iif=client', ...packet));
      const udp = (src: string): string[] => [`--src=${src}`, '--dst=10.0.0.1', '--proto=udp', '--sport=4000', '--dport=7'];
      expect(await explained(...udp('10.2.0.1'))).toMatchObject({ way: 'kernel', verdict: 'accept', delivered: true });
      const fragment = packet().ipv4('10.2.0.1', '10.0.0.1').udp(4000, 7).payload(100).build();
      const [first] = fragments(fragment, 60, 7);
      expect(await explained(`--packet=${Buffer.from(first!).toString('hex')}`)).toMatchObject({
        way: 'queue',
        wayWords: 'the queue: a fragment',
      });

      const clean = await doctor(net.lb);
      expect([...clean.says.values()].filter((text) => text.startsWith('problem'))).toEqual([]);
      expect(clean.says.get('fast path')).toBe('ok: packets that come in at client, t1, t2 are decided in the kernel');

      // Without the mark match, everything goes to the queue as well; it still works.
      await nfqlb(net.lb, 'up', ...setUpOf(net));
      expect((await doctor(net.lb)).says.get('fast path')).toMatch(
        /^warning: what the kernel has decided goes to the queue all the same \(.*\) → nfqlb up --fast/,
      );
      await answers();

      await nfqlb(net.lb, 'up', '--fast', ...setUpOf(net));
      // What a running load balancer has is its own.
      const stays = 'the fast path at client stays: its load balancer runs, and removes it when it ends';
      expect(await nfqlb(net.lb, 'down')).toContain(stays);
      await nfqlb(net.lb, 'up', '--fast', ...setUpOf(net));
      await lb.kill();
      const dead = await doctor(net.lb);
      expect(dead.status).toBe(1);
      expect(dead.says.get('fast path')).toMatch(
        /^problem: client, t1, t2: the kernel decides by the targets that a load balancer had when it ended/,
      );
      await answers();
      await nfqlb(net.lb, 'down');
      expect((await doctor(net.lb)).says.get('fast path')).toBeUndefined();
      expect(await nfqlb(net.lb, 'down')).toBe('nothing was set up\n');
    },
    180_000,
  );

  test('without a program doctor says that marked packets bypass the queue', async () => {
    await using net = await Topology.create({ targets: 1 });
    await makeBare(net);
    await nfqlb(net.lb, 'up', '--fast', ...setUpOf(net));
    expect((await doctor(net.lb)).says.get('fast path')).toMatch(
      /^warning: no program decides packets in the kernel.* → nfqlb lb --fast=INTERFACES/,
    );
  });

  test('an ordinary user needs CAP_BPF, CAP_NET_ADMIN and a folder of its own', async () => {
    await using net = await Topology.create({ targets: 1 });
    const table = net.sharedMemory('own');
    const start = async (as: readonly string[]): Promise<Running> => {
      const options = ['--fast=client', `--vip=${net.vip4}/32`, `--tshm=${table}`, `--ft_shm=${table}-fragments`];
      return net.lb.spawn([...as, 'env', `NFQLB_TRACE_SHM=${table}-trace`, ...NFQLB.command, 'lb', ...options]);
    };
    const service = withCapabilities('net_admin', 'bpf');
    await net.lb.run([...service, ...NFQLB.command, 'init', `--shm=${table}`]);
    {
      await using lb = await start(withCapabilities('net_admin'));
      await lb.waitForOutput(/listening on queue 2/);
      expect(lb.stderr).toContain('warning: no fast path: the fast path needs CAP_BPF: run it');
      expect(lb.stderr.split('\n').filter((line) => line.includes('fast path'))).toHaveLength(1);
    }
    // A BPF file system of its own, with the folder that root makes: the default one is root's.
    const script = 'mount -t bpf bpf /sys/fs/bpf; install -d -o 4711 -g 4711 -m 700 /sys/fs/bpf/nfqlb; exec "$@"';
    await using lb = await start(['unshare', '--mount', 'sh', '-ec', script, 'sh', ...service]);
    await lb.waitForOutput(/listening on queue 2/);
    expect(lb.stderr).toContain('fast path: client: attached (tcx)');
    expect(lb.stderr).not.toContain('warning');
  });
});

describeFastPath('nfqlb lb --fast says in one line', () => {
  /** Starts it with these options and returns what it says until it ends or listens. */
  async function said(net: Topology, options: readonly string[], as: readonly string[] = []): Promise<string> {
    const table = net.sharedMemory('lb1');
    await net.lb.run([...NFQLB.command, 'init', '--if-absent', `--shm=${table}`]);
    const environment = ['env', `NFQLB_TRACE_SHM=${table}-trace`];
    await using lb = await net.lb.spawn([
      ...as,
      ...environment,
      ...NFQLB.command,
      'lb',
      `--tshm=${table}`,
      `--ft_shm=${table}-f`,
      '--queue=7',
      ...options,
    ]);
    await Promise.race([lb.exited, lb.waitForOutput(/listening on queue/)]);
    return lb.stderr.replace(/^.*listening on queue.*\n/m, '').trimEnd();
  }

  test('what is wrong with the command', async () => {
    await using net = await Topology.create({ targets: 1 });
    const vip = '--vip=10.0.0.1/32';
    const cases: readonly (readonly [options: readonly string[], says: string | RegExp])[] = [
      [['--fast=eth9', vip], 'nfqlb lb: there is no interface eth9 in this network namespace; see: ip link'],
      [['--fast=client,client', vip], 'nfqlb lb: --fast=client: names the interface twice'],
      [['--fast=client', '--fast=client', vip], 'nfqlb lb: --fast=client: names the interface twice'],
      [['--fast=a b', vip], /^nfqlb lb: --fast=a b: must be names of interfaces, such as eth0,eth1/],
      [['--fast='], /^nfqlb lb: --fast=?.*must be/],
      [['--fast=client', '--vip=10.0.0.1'], /^nfqlb lb: --vip=10\.0\.0\.1: must be ADDRESS\/BITS/],
      [[vip], 'nfqlb lb: --vip: needs --fast'],
      [['--keep'], 'nfqlb lb: --keep: needs --fast'],
      [
        ['--fast=client'],
        /^nfqlb lb: warning: no fast path: no rule leads all packets to a VIP to the queue; give --vip, or nfqlb up --fast first/,
      ],
    ];
    for (const [options, says] of cases) {
      const text = await said(net, options);
      expect(text.split('\n')).toHaveLength(1);
      if (typeof says === 'string') expect(text).toBe(says);
      else expect(text).toMatch(says);
    }
  }, 120_000);

  test('that another load balancer has the interface', async () => {
    await using net = await Topology.create({ targets: 1 });
    await using _lb = await LoadBalancer.start(net, { fast: true });
    expect(await said(net, ['--fast=client', '--vip=10.0.0.1/32'])).toBe(
      'nfqlb lb: client: another running load balancer has its fast path there; see: nfqlb top',
    );
  });

  test('that there is no BPF file system, and runs without', async () => {
    await using net = await Topology.create({ targets: 1 });
    const hidden = ['unshare', '--mount', 'sh', '-ec', 'mount -t tmpfs tmpfs /sys/fs/bpf; exec "$@"', 'sh'];
    expect(await said(net, ['--fast=client', '--vip=10.0.0.1/32'], hidden)).toBe(
      'nfqlb lb: warning: no fast path: /sys/fs/bpf/nfqlb is not in a BPF file system; as root: mount -t bpf bpf /sys/fs/bpf; all packets go through the queue',
    );
  });

  test('takes VIPs from the rules that lead to its queue', async () => {
    await using net = await Topology.create({ targets: 1 });
    await net.lb.iptables(4, '-t mangle -F PREROUTING');
    await net.lb.iptables(4, '-t mangle -A PREROUTING -d 10.0.0.8/31 -j NFQUEUE --queue-num 7');
    await net.lb.iptables(4, '-t mangle -A PREROUTING -d 10.0.0.6 -p tcp --dport 80 -j NFQUEUE --queue-num 7');
    await net.lb.iptables(6, '-t mangle -A PREROUTING -d 1000::8 -m mark --mark 0 -j NFQUEUE --queue-num 7');
    await net.lb.iptables(4, '-t mangle -A PREROUTING -d 10.0.0.5 -j NFQUEUE --queue-num 8');
    await using lb = await LoadBalancer.start(net, { queue: '7', fast: false, options: ['--fast=client'] });
    await lb.process.waitForOutput(/listening/);
    expect((await fastPathOf(lb)).vips.toSorted()).toEqual(['10.0.0.1/32', '10.0.0.8/31', '1000::1/128', '1000::8/128']);
    expect(lb.process.stderr).toMatch(
      /warning: no fast path for 10\.0\.0\.6\/32: perhaps not all packets to it come to the queue \(-A PREROUTING -d 10\.0\.0\.6\/32 -p tcp/,
    );
  });
});
