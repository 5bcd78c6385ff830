// What `nfqlb doctor` says of a machine that has real faults. What it makes of all it may find is tested beside it.

import { expect, test } from 'vitest';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { describeLive } from '../testing/describe-live.js';
import type { LbHost } from '../topology/host.js';
import { Topology } from '../topology/topology.js';
import { makeBare, nfqlb, setUpOf } from './router.js';

/** Its exit status, and what it says by check: `listeners` → `problem  nobody listens …`. */
async function doctor(lb: LbHost, wrapper: readonly string[] = []): Promise<{ status: number | null; says: Map<string, string> }> {
  await using running = await lb.spawn([...wrapper, ...NFQLB.command, 'doctor']);
  const { status } = await running.exited;
  expect(running.stderr).toBe('');
  const lines = running.stdout.trimEnd().split('\n').slice(0, -1);
  return {
    status,
    says: new Map(lines.map((line) => line.match(/^(\w+) +(.+?) {2,}(.*)$/)!).map(([, word, check, text]) => [check!, `${word}: ${text}`])),
  };
}

describeLive(
  'doctor',
  () => {
    test('finds no problem where there is none, and each that is made', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net);
      await makeBare(net);
      await nfqlb(net.lb, 'up', ...setUpOf(net));
      const well = await doctor(net.lb);
      expect([...well.says.values()].filter((text) => !text.startsWith('ok:'))).toEqual([]);
      expect(well.status).toBe(0);
      expect(well.says.get('listeners')).toBe('ok: every queue has one (2)');
      expect(well.says.get('set-up')).toBe('ok: what nfqlb up has set up is whole');
      expect(well.says.get('defragmentation')).toBe('ok: no connections are tracked: fragments come as they are');

      await lb.kill();
      await net.lb.run(['sh', '-ec', 'cd /proc/sys/net; echo 0 >ipv6/conf/all/forwarding; echo 1 >ipv4/conf/t2/rp_filter']);
      await net.lb.ip('link set t1 down');
      await net.lb.iptables(4, '-A INPUT -m conntrack --ctstate INVALID -j DROP');
      const { status, says } = await doctor(net.lb);
      expect(status).toBe(1);
      expect(says.get('listeners')).toBe('problem: nobody listens to queue 2: packets are dropped → nfqlb lb --queue=2');
      expect(says.get('forwarding IPv4')).toBe('ok: on');
      expect(says.get('forwarding IPv6')).toMatch(/^problem: off: .* → sysctl -w net\.ipv6\.conf\.all\.forwarding=1$/);
      expect(says.get('rp_filter')).toMatch(/^warning: strict on t2: /);
      expect(says.get('set-up')).toMatch(/^problem: fwmark 101: the route to the target has gone.* → nfqlb up again, as before$/);
      expect(says.get('defragmentation')).toMatch(/^warning: connections are tracked \(-A INPUT -m conntrack/);
      expect(says.get('queue drops')).toBe('ok: no queue');
    });

    test('finds drops, and targets that cannot be reached, in the table that is used here', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { options: ['--qlength=1'] });
      lb.process.signal('SIGSTOP');
      await net.client.run(['ping', '-c', '5', '-i', '0.01', '-W', '0.1', net.vip4]).catch(() => 'no answer');
      const { status, says } = await doctor(net.lb);
      lb.process.signal('SIGCONT');
      expect(status).toBe(0);
      expect(says.get('queue drops')).toMatch(/^warning: queue 2: 4 packets dropped because it was full, 0 because .*; 1 wait → /);
      await makeBare(net);
      expect((await doctor(net.lb)).says.get('tables')).toBe(
        `warning: active fwmarks that no rule leads to a target, so that their packets go where the VIP is routed (${lb.table}: 101, 102) → nfqlb up with FWMARK=ADDRESS for each, or nfqlb deactivate`,
      );
      await lb.deactivate(...net.targets);
      expect((await doctor(net.lb)).says.get('tables')).toMatch(
        /^warning: no target is active in .*: packets are dropped → nfqlb activate --shm=/,
      );
    });

    test('tries what the kernel has, where its options cannot be read', async () => {
      await using net = await Topology.create({ targets: 1 });
      const hide = 'for file in /proc/config.gz /boot/config-*; do if [ -e $file ]; then mount --bind /dev/null $file; fi; done';
      const command = ['unshare', '--mount', 'sh', '-ec', `${hide}; exec "$@"`, 'sh'];
      const { says } = await doctor(net.lb, command);
      expect([...says].filter(([check]) => check.startsWith('kernel'))).toEqual([
        ['kernel queue', 'ok: NFQUEUE and the mark match are there (tried)'],
        ['kernel routing', 'ok: policy routing is there, for IPv4 and IPv6 (tried)'],
        ['kernel nat', 'ok: address translation is there (tried)'],
        ['kernel tun', 'ok: tun devices are there (tried)'],
      ]);
    });

    test('finds --queue-bypass', async () => {
      await using net = await Topology.create({ targets: 1 });
      await net.lb.iptables(6, `-t mangle -A PREROUTING -d ${net.vip6} -j NFQUEUE --queue-balance 5:6 --queue-bypass`);
      const { status, says } = await doctor(net.lb);
      expect(status).toBe(1);
      expect(says.get('queue rules')).toMatch(/^warning: while nobody listens.*--queue-bypass\) → take --queue-bypass out of the rule$/);
      expect(says.get('listeners')).toBe('problem: nobody listens to queues 5, 6: packets are dropped → nfqlb lb --queue=5:6');
    });
  },
  NFQLB,
);
