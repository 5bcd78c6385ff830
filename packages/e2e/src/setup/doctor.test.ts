// `nfqlb doctor` on a machine with real faults. Its unit tests cover the evaluation of all possible findings.

import { expect, test } from 'vitest';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { describeLive } from '../testing/describe-live.js';
import type { LbHost } from '../topology/host.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { doctor } from './examination.js';
import { makeBare, nfqlb, setUpOf } from './router.js';

describeLive(
  'doctor',
  () => {
    test('finds no problem on a healthy machine, and every one that is introduced', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net);
      await makeBare(net);
      await nfqlb(net.lb, 'up', ...setUpOf(net));
      const healthy = await doctor(net.lb);
      expect([...healthy.says.values()].filter((text) => !text.startsWith('ok:'))).toEqual([]);
      expect(healthy.status).toBe(0);
      expect(healthy.says.get('listeners')).toBe('ok: every queue has one (2)');
      expect(healthy.says.get('set-up')).toBe('ok: what nfqlb up has set up is whole');
      expect(healthy.says.get('defragmentation')).toBe('ok: no connections are tracked: fragments come as they are');

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

    test('finds drops, and unreachable targets in the table in use', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { options: ['--qlength=1'] });
      // The status socket opens shortly after the queue.
      await expect.poll(async () => (await doctor(net.lb)).says.get('load balancers'), { timeout: 10_000 }).toBe('ok: 1 running, healthy');
      lb.process.signal('SIGSTOP');
      await net.client.run(['ping', '-c', '5', '-i', '0.01', '-W', '0.1', net.vip4]).catch(() => 'no answer');
      const { status, says } = await doctor(net.lb);
      lb.process.signal('SIGCONT');
      expect(status).toBe(1);
      expect(says.get('load balancers')).toMatch(/^problem: the load balancer of queue 2 does not answer: .* → see its log; restart it$/);
      expect(says.get('queue drops')).toMatch(/^warning: queue 2: 4 packets dropped because it was full, 0 because .*; 1 wait → /);
      await makeBare(net);
      expect((await doctor(net.lb)).says.get('tables')).toBe(
        `problem: active fwmarks that no rule or route leads to a target: their packets go where the VIP is routed (${lb.table}: 101, 102, 100.0% of connections) → nfqlb up with FWMARK=ADDRESS for each, or nfqlb deactivate`,
      );
      await lb.deactivate(...net.targets);
      expect((await doctor(net.lb)).says.get('tables')).toMatch(
        // Tables of other tests, in other network namespaces, may be named as those where targets are active.
        new RegExp(`^problem: no target is active in ${lb.table}: packets are dropped(; .*)? → nfqlb activate --shm=`),
      );
    });

    test('probes the kernel’s features if its options cannot be read', async () => {
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

    test.each<[string, (lb: LbHost) => Promise<unknown>, string]>([
      ['a jump', (lb) => lb.iptables(4, '-D INPUT -j NFQLB'), 'iptables -t filter: no rule leads from INPUT to the chain NFQLB'],
      ['the rules of a chain', (lb) => lb.iptables(4, '-t mangle -F NFQLB'), 'iptables -t mangle: the chain NFQLB is empty'],
      [
        'a rule of one of several VIPs',
        (lb) => lb.iptables(6, '-t mangle -D NFQLB 2'),
        'ip6tables -t mangle: no rule with -j NFQUEUE for fragments to 2001:db8::1/128',
      ],
      ['a policy rule', (lb) => lb.ip('-6 rule del priority 14200 fwmark 102'), 'IPv6: no policy rule for fwmark 102'],
      [
        'a policy rule and its routes',
        async (lb) => {
          await lb.ip('rule del priority 14200 fwmark 102');
          await lb.ip('route flush table 1420000102');
        },
        'IPv4: nothing leads fwmark 102 to a target',
      ],
      [
        'a table that nftables has changed',
        (lb) => lb.run(['nft', 'add rule ip filter INPUT ct state new accept']),
        'iptables -t filter: rules of nftables are in it, so that iptables can neither read nor change it',
      ],
    ])('reports what is missing in a set-up: %s', async (_, damage, missing) => {
      await using net = await Topology.create({ targets: 2 });
      await makeBare(net);
      await nfqlb(net.lb, 'up', ...setUpOf(net), '--vip=2001:db8::1/128', '--fragment_queue=3');
      expect((await doctor(net.lb)).says.get('set-up')).toBe('ok: what nfqlb up has set up is whole');
      await damage(net.lb);
      const { status, says } = await doctor(net.lb);
      expect(status).toBe(1);
      expect(says.get('set-up')?.startsWith(`problem: ${missing} → `), says.get('set-up')).toBe(true);
    });

    test('finds the set-ups of up complete, also with nat and for programs on the same machine', async () => {
      await using net = await Topology.create({ targets: 2, mode: 'nat' });
      await makeBare(net);
      for (const options of [
        [],
        ['--keep-source'],
        ['--syn-only'],
        ['--local'],
        ['--mode=dsr', '--local'],
        ['--mode=dsr', '--queue=0:3'],
      ]) {
        await nfqlb(net.lb, 'up', ...setUpOf(net), ...options);
        expect((await doctor(net.lb)).says.get('set-up')).toBe('ok: what nfqlb up has set up is whole');
      }
    });

    test('finds the leftovers of a failed up', async () => {
      await using net = await Topology.create({ targets: 1 });
      const { lb } = net;
      await makeBare(net);
      await lb.ip('-6 route add fd00:99::1 dev lo');
      const targets = [`1=${lb.wire('t1').peer.ipv6}`, '2=fd00:99::1'];
      await expect(nfqlb(lb, 'up', '--mode=dsr', '--vip=2001:db8::1/128', ...targets)).rejects.toThrow('the changes before it were made');
      expect((await doctor(lb)).says.get('set-up')).toBe(
        'problem: IPv6: policy rules or routes for fwmark 1 (protocol 142) are there, but no packet rules, as when nfqlb up has failed → nfqlb up again, as before, or nfqlb down, which takes all of it away',
      );
      await nfqlb(lb, 'down');
      expect((await doctor(lb)).says.get('set-up')).toBe('ok: nothing of nfqlb up');
    });

    test('distinguishes leftover tracked connections from active tracking', async () => {
      await using net = await Topology.create({ targets: 2, mode: 'nat' });
      await using _echo = await EchoServers.start(net);
      await using _lb = await LoadBalancer.start(net);
      await makeBare(net);
      await nfqlb(net.lb, 'up', ...setUpOf(net));
      expect(await ask(net, { protocol: 'udp', connections: 10 })).toMatchObject({ answered: 10 });
      expect((await doctor(net.lb)).says.get('defragmentation')).toMatch(/^ok: connections are tracked, as --mode=nat needs it, /);
      const left = /^ok: \d+ connections that were tracked before time out; no rule asks for it any more: fragments come as they are$/;
      await nfqlb(net.lb, 'up', ...setUpOf(net), '--mode=dsr');
      expect((await doctor(net.lb)).says.get('defragmentation')).toMatch(left);
      await nfqlb(net.lb, 'down');
      expect((await doctor(net.lb)).says.get('defragmentation')).toMatch(left);

      // iptables-nft does not show it.
      await net.lb.run(['iptables-legacy', '-A', 'INPUT', '-m', 'conntrack', '--ctstate', 'INVALID', '-j', 'DROP']);
      await using ping = await net.client.spawn(['ping', '-i', '0.2', net.lb.wire('client').own.ipv4]);
      await ping.waitForOutput(/icmp_seq=1 /, 5000);
      expect((await doctor(net.lb)).says.get('defragmentation')).toMatch(
        /^warning: \d+ connections are tracked, though no rule asks for it /,
      );
      await ping.stop('SIGINT');
    });

    test.each(['input', 'INPUT'])('finds nftables rules in a table named like one of iptables, in the chain %s', async (chain) => {
      await using net = await Topology.create({ targets: 1 });
      await makeBare(net);
      expect((await doctor(net.lb)).says.get('defragmentation')).toMatch(/^ok: /);
      const input = `table ip filter {\nchain ${chain} {\ntype filter hook input priority 0\nct state established accept\n}\n}\n`;
      await net.lb.run(['nft', '-f', '-'], { input });
      const { says } = await doctor(net.lb);
      expect(says.get('defragmentation')).toMatch(/^warning: connections are tracked \(ct state established accept\)/);
      // For a rule in one of its own chains, iptables reports the whole table as incompatible.
      const incompatible = 'warning: iptables -t filter: rules of nftables are in it, so that iptables can neither read nor change it → ';
      expect(says.get('set-up')?.startsWith(chain === 'INPUT' ? incompatible : 'ok: nothing'), says.get('set-up')).toBe(true);
    });

    test('recognizes iptables rules in the output of nft', async () => {
      await using net = await Topology.create({ targets: 1, mode: 'nat' });
      await makeBare(net);
      await nfqlb(net.lb, 'up', ...setUpOf(net));
      expect(await net.lb.run(['nft', 'list', 'ruleset'])).toMatch(/table ip nat/);
      const { says } = await doctor(net.lb);
      expect(says.get('defragmentation')).toMatch(/^ok: connections are tracked, as --mode=nat needs it, /);
      expect(says.get('queue rules')).toBe('ok: packets are led to queue 2');
    });

    test('finds a loose reverse path filter without a route to the VIP', async () => {
      await using net = await Topology.create({ targets: 1 });
      await makeBare(net);
      await nfqlb(net.lb, 'up', ...setUpOf(net));
      await net.lb.run(['sh', '-ec', 'echo 2 >/proc/sys/net/ipv4/conf/t1/rp_filter']);
      expect((await doctor(net.lb)).says.get('rp_filter')).toBe('ok: off or loose');
      await net.lb.ip(`route del ${net.vip4}`);
      expect((await doctor(net.lb)).says.get('rp_filter')).toBe('ok: off or loose');
      await net.lb.ip('route del default');
      expect((await doctor(net.lb)).says.get('rp_filter')).toMatch(
        /^warning: loose on t1, and no route leads to 10\.0\.0\.1\/32: targets’ answers that come through this machine are dropped → /,
      );
    });

    test('finds a tun device that is down', async () => {
      await using net = await Topology.create({ targets: 1 });
      expect((await doctor(net.lb)).says.get('tun device')).toBeUndefined();
      await net.lb.ip('tuntap add mode tun name nfqlb0');
      await net.lb.ip('tuntap add mode tun name other0');
      expect((await doctor(net.lb)).says.get('tun device')).toBe(
        'warning: nfqlb0: down: stored fragments that are sent through it are lost → ip link set nfqlb0 up',
      );
      await net.lb.ip('link set nfqlb0 up');
      expect((await doctor(net.lb)).says.get('tun device')).toBe('ok: nfqlb0: up');
    });

    test('finds a fragment queue without a listener', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using _lb = await LoadBalancer.start(net);
      await makeBare(net);
      await nfqlb(net.lb, 'up', ...setUpOf(net), '--fragment_queue=3');
      const { says } = await doctor(net.lb);
      expect(says.get('listeners')).toBe('problem: nobody listens to queue 3: fragments are dropped → nfqlb lb --queue=2:3');
      expect(says.get('queue rules')).toBe('ok: packets are led to queue 2, fragments are led to queue 3');
    });

    test('reports what an unprivileged user cannot check', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using _lb = await LoadBalancer.start(net);
      const { status, says } = await doctor(net.lb, ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all']);
      expect(status).toBe(1);
      const unknown = [
        'forwarding IPv4',
        'forwarding IPv6',
        'defragmentation',
        'set-up',
        'queue rules',
        'listeners',
        'queue drops',
        'tables',
      ];
      for (const check of unknown) expect(says.get(check)).toMatch(/^warning: not known: .* → run nfqlb doctor as root$/);
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
