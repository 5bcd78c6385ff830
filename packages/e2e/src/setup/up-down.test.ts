// What `nfqlb up` sets up in the kernel and `nfqlb down` removes.

import { describe, expect, test } from 'vitest';
import { NFQLB } from '../load-balancer/program.js';
import type { StartOptions } from '../processes/running.js';
import { describeLive } from '../testing/describe-live.js';
import type { LbHost } from '../topology/host.js';
import { Topology } from '../topology/topology.js';
import { kernelState } from './kernel-state.js';
import { makeBare, nfqlb, setUpOf } from './router.js';

const SETUPS: readonly (readonly [mode: 'nat' | 'dsr', options: readonly string[]])[] = [
  ['nat', ['--forward']],
  ['nat', ['--forward', '--keep-source']],
  ['nat', ['--local']],
  ['nat', ['--forward', '--syn-only']],
  ['nat', ['--local', '--syn-only']],
  ['dsr', ['--forward', '--queue=0:3']],
  ['dsr', ['--forward', '--fragment_queue=3']],
  ['dsr', ['--local']],
];

/** A topology whose load balancer already has foreign rules, some of which resemble ours. */
async function withForeignRules(mode: 'nat' | 'dsr', targets = 3): Promise<Topology> {
  const net = await Topology.create({ targets, mode });
  await makeBare(net);
  const { lb } = net;
  for (const family of [4, 6] as const) {
    await lb.iptables(family, '-N NFQLB2');
    await lb.iptables(family, '-A FORWARD -j NFQLB2');
    await lb.iptables(family, '-A FORWARD -m comment --comment nfqlb -m mark --mark 101 -j ACCEPT');
    await lb.iptables(family, '-t mangle -A PREROUTING -j MARK --set-mark 0');
    await lb.iptables(family, '-t nat -A POSTROUTING -m mark --mark 102 -j ACCEPT');
    await lb.ip(`-${family} rule add priority 14200 fwmark 101 table 7`);
    await lb.ip(`-${family} route add blackhole default table 1420000101 metric 77`);
  }
  return net;
}

/** The commands that a dry run prints, each with its input. */
async function dryRun(lb: LbHost, ...args: readonly string[]): Promise<string[]> {
  const text = await nfqlb(lb, ...args, '--dry-run');
  return text.match(/.+ <<'END'\n[\s\S]*?\nEND\n/g) ?? [];
}

describeLive(
  'the kernel',
  () => {
    test.each(SETUPS)('after up and down with %s %j is unchanged', async (mode, options) => {
      await using net = await withForeignRules(mode);
      const { lb } = net;
      const before = await kernelState(lb);
      const said = await nfqlb(lb, 'up', ...setUpOf(net), ...options);
      expect(said).toContain('next: nfqlb init --if-absent; nfqlb activate 101 102 103; nfqlb lb --queue=');
      const up = await kernelState(lb);
      expect(up).not.toBe(before);
      expect(up).not.toContain('--queue-bypass');

      expect(await nfqlb(lb, 'up', ...setUpOf(net), ...options)).toBe(said);
      expect(await kernelState(lb)).toBe(up);

      expect(await nfqlb(lb, 'down')).toBe('');
      expect(await kernelState(lb)).toBe(before);
      expect(await nfqlb(lb, 'down')).toBe('nothing was set up\n');
      expect(await kernelState(lb)).toBe(before);
    });

    test.each(SETUPS)('is changed with %s %j exactly as by the commands of a dry run', async (mode, options) => {
      await using net = await withForeignRules(mode);
      const { lb } = net;
      const before = await kernelState(lb);
      const commands = await dryRun(lb, 'up', ...setUpOf(net), ...options);
      expect(await kernelState(lb)).toBe(before);
      await lb.run(['sh', '-e'], { input: commands.join('') });
      const byHand = await kernelState(lb);
      await lb.run(['sh', '-e'], { input: (await dryRun(lb, 'down')).join('') });
      expect(await kernelState(lb)).toBe(before);
      await nfqlb(lb, 'up', ...setUpOf(net), ...options);
      expect(await kernelState(lb)).toBe(byHand);
    });

    test.each(['nat', 'dsr'] as const)(
      'keeps nothing of a set-up with %s that was interrupted at any point',
      async (mode) => {
        await using net = await withForeignRules(mode, 1);
        const { lb } = net;
        const before = await kernelState(lb);
        await nfqlb(lb, 'up', ...setUpOf(net));
        const whole = await kernelState(lb);
        const downwards = await dryRun(lb, 'down');
        await nfqlb(lb, 'down');
        const upwards = await dryRun(lb, 'up', ...setUpOf(net));
        const breaks = partsOf(upwards);
        expect(breaks.length).toBeGreaterThan(1);
        for (const part of breaks) {
          await lb.run(['sh', '-e'], { input: part });
          await nfqlb(lb, 'down');
          expect(await kernelState(lb)).toBe(before);

          await lb.run(['sh', '-e'], { input: part });
          await nfqlb(lb, 'up', ...setUpOf(net));
          expect(await kernelState(lb)).toBe(whole);
          await nfqlb(lb, 'down');
        }
        for (const part of partsOf(downwards)) {
          await nfqlb(lb, 'up', ...setUpOf(net));
          await lb.run(['sh', '-e'], { input: part });
          await nfqlb(lb, 'down');
          expect(await kernelState(lb)).toBe(before);
        }
      },
      120_000,
    );

    test('has only the second of two set-ups', async () => {
      await using net = await withForeignRules('dsr');
      const { lb } = net;
      const { ipv4 } = lb.wire('t3').peer;
      const second = ['--mode=nat', '--local', '--queue=7', '--vip=10.0.0.0/31', `101=${ipv4}`];
      await nfqlb(lb, 'up', ...second);
      const alone = await kernelState(lb);
      await nfqlb(lb, 'up', ...setUpOf(net));
      expect(await kernelState(lb)).not.toBe(alone);
      await nfqlb(lb, 'up', ...second);
      expect(await kernelState(lb)).toBe(alone);
    });

    test('has the same with iptables-legacy', async () => {
      await using net = await Topology.create({ targets: 2, mode: 'nat' });
      const { lb } = net;
      const names = ['iptables', 'ip6tables'].flatMap((name) => [`${name}`, `${name}-save`, `${name}-restore`]);
      const links = names.map((name) => `ln -s $(command -v ${name.replace('tables', 'tables-legacy')}) ${name}`);
      await withPrograms(net, links.join('\n'), async (legacy) => {
        const saved = async (): Promise<string> => (await lb.run(['iptables-save'], legacy)).replaceAll(/^#.*\n|\[\d+:\d+\]/gm, '');
        for (const table of ['mangle', 'filter', 'nat']) await lb.run(['iptables', '-t', table, '-N', 'OTHERS'], legacy);
        const before = await saved();
        await lb.run([...NFQLB.command, 'up', ...setUpOf(net)], legacy);
        const up = await saved();
        expect(up).toContain('-A NFQLB -d 10.0.0.1/32 -j NFQUEUE --queue-num 2');
        await lb.run([...NFQLB.command, 'up', ...setUpOf(net)], legacy);
        expect(await saved()).toBe(up);
        await lb.run([...NFQLB.command, 'down'], legacy);
        expect(await saved()).toBe(before);
      });
    });
  },
  NFQLB,
);

describeLive(
  'errors are reported in one line',
  () => {
    const failure = (lb: LbHost, command: readonly string[], options: StartOptions = {}): Promise<string> =>
      lb.run([...NFQLB.command, ...command], options).then(
        () => 'no failure',
        (error: Error) => error.message,
      );

    test.each(['192.0.2.1', '10.100.0.2'])('a target with dsr that is not a neighbour: %s', async (address) => {
      await using net = await Topology.create({ targets: 1 });
      const before = await kernelState(net.lb);
      expect(await failure(net.lb, ['up', '--mode=dsr', '--vip=10.0.0.1/32', `7=${address}`])).toContain(
        `nfqlb up: target 7=${address}: must be another machine on a network of this one with --mode=dsr; `,
      );
      expect(await kernelState(net.lb)).toBe(before);
    });

    test('a link-local target', async () => {
      await using net = await Topology.create({ targets: 1 });
      const before = await kernelState(net.lb);
      const { ipv6 } = net.lb.wire('t1').peer;
      expect(await failure(net.lb, ['up', '--vip=2001:db8::1/128', '--mode=dsr', `1=${ipv6}`, '2=fe80::5'])).toMatch(
        /: nfqlb up: targets 2=fe80::5: must not be link-local \(fe80::\/10\), .*; must be ADDRESS or FWMARK=ADDRESS, such as /,
      );
      expect(await kernelState(net.lb)).toBe(before);
    });

    test('a command fails halfway; down removes its changes', async () => {
      await using net = await Topology.create({ targets: 1 });
      const { lb } = net;
      // This route makes it look like a neighbour, but no gateway is reachable through it.
      await lb.ip('-6 route add fd00:99::1 dev lo');
      const before = await kernelState(lb);
      const up = (...targets: readonly string[]) => failure(lb, ['up', '--vip=2001:db8::1/128', '--mode=dsr', ...targets]);
      const whole = /: nfqlb up: ip -6 -batch -: No route to host \(route replace default via fd00:99::1 table 142000000\d protocol 142\)/;
      const first = await up('1=fd00:99::1');
      expect(first).toMatch(new RegExp(`${whole.source}$`));
      expect(await kernelState(lb)).toBe(before);

      const fourth = await up(`1=${lb.wire('t1').peer.ipv6}`, '2=fd00:99::1');
      expect(fourth).toMatch(new RegExp(`${whole.source}; the changes before it were made, nfqlb down takes all away$`));
      expect(await kernelState(lb)).not.toBe(before);
      await nfqlb(lb, 'down');
      expect(await kernelState(lb)).toBe(before);
    });

    test('a command fails; down removes the earlier changes', async () => {
      await using net = await Topology.create({ targets: 1 });
      const { lb } = net;
      const before = await kernelState(lb);
      const refusing = `printf '#!/bin/sh\\necho "line 2 failed" >&2; exit 1\\n' >ip6tables-restore; chmod +x ip6tables-restore`;
      const message = await withPrograms(net, refusing, (env) => failure(lb, ['up', ...setUpOf(net)], env));
      expect(message).toMatch(
        /nfqlb up: ip6tables-restore --wait --noflush: line 2 failed \(:NFQLB - \[0:0\]\); the changes before it were made, nfqlb down takes all away$/,
      );
      expect(await kernelState(lb)).not.toBe(before);
      await nfqlb(lb, 'down');
      expect(await kernelState(lb)).toBe(before);
    });

    describe.each(['up', 'down'])('%s', (command) => {
      test('missing privileges', async () => {
        await using net = await Topology.create({ targets: 1 });
        const args = command === 'up' ? setUpOf(net) : [];
        await using running = await net.lb.spawn(['setpriv', '--bounding-set=-net_admin', ...NFQLB.command, command, ...args]);
        expect(await running.exited).toEqual({ status: 1, signal: null });
        expect(running.stderr).toBe(
          `nfqlb ${command}: needs the capability CAP_NET_ADMIN: run it as root, a container with --cap-add=NET_ADMIN\n`,
        );
      });
    });

    test('a fragment queue: the listeners it needs, and when it gets nothing', async () => {
      await using net = await Topology.create({ targets: 1 });
      const { lb } = net;
      const listen = (said: string): string | undefined => /nfqlb lb .*$/m.exec(said)?.[0];
      const said = await nfqlb(lb, 'up', ...setUpOf(net), '--queue=0:3', '--fragment_queue=4');
      expect(said).toContain('queue 4 gets those of them that are fragments\n');
      expect(listen(said)).toBe('nfqlb lb --queue=0:4');
      expect(listen(await nfqlb(lb, 'up', ...setUpOf(net), '--fragment_queue=1'))).toBe('nfqlb lb --queue=1:2');
      expect(listen(await nfqlb(lb, 'up', ...setUpOf(net), '--fragment_queue=9'))).toBe(
        'nfqlb lb --queue=2, and beside it nfqlb lb --queue=9 --ft_shm=ftshm9',
      );
      for (const [option, why] of [
        ['--mode=nat', 'with --mode=nat fragments are put together'],
        ['--local', 'with --local packets are not fragmented yet'],
      ] as const) {
        await using up = await lb.spawn([...NFQLB.command, 'up', ...setUpOf(net), option, '--fragment_queue=3']);
        await up.output();
        expect(up.stderr).toBe(`nfqlb up: warning: --fragment_queue gets nothing: before the queue, ${why}\n`);
      }
    });

    test('activate and apply warn of fwmarks without a rule where there are rules for others', async () => {
      await using net = await Topology.create({ targets: 2 });
      await makeBare(net);
      const table = `--shm=${net.sharedMemory('web')}`;
      const warningOf = async (...args: readonly string[]): Promise<string> => {
        await using running = await net.lb.spawn([...NFQLB.command, ...args]);
        expect(await running.exited).toMatchObject({ status: 0 });
        return running.stderr;
      };
      await warningOf('init', table);
      expect(await warningOf('activate', table, '9')).toBe('');
      await nfqlb(net.lb, 'up', ...setUpOf(net));
      const warning = (command: string): string =>
        `nfqlb ${command}: warning: this network namespace has rules for fwmark 101, 102, but none for 9: packets go where the VIP is routed (nfqlb up … 9=ADDRESS)\n`;
      expect(await warningOf('activate', table, '101', '9')).toBe(warning('activate'));
      expect(await warningOf('activate', table, '101', '102')).toBe('');
      await nfqlb(net.lb, 'up', ...setUpOf(net), '--mode=nat');
      expect(await warningOf('activate', table, '102', '9')).toBe(warning('activate'));
      const tier = `--shm=${net.sharedMemory('tier')}`;
      await warningOf('init', tier, '--ownfw=9');
      expect(await warningOf('activate', tier, '9', '101')).toBe('');
      const file = `/tmp/${net.name}.yaml`;
      await net.lb.run(['tee', file], { input: `tables: {${net.sharedMemory('web')}: {targets: {101: 1, 9: 2}}}` });
      await warningOf('init', table);
      expect(await warningOf('apply', file)).toBe(warning('apply'));
      await net.lb.run(['rm', file]);
    });

    test('missing sysctls cause a warning, and are set with --sysctl', async () => {
      await using net = await Topology.create({ targets: 1 });
      const { lb } = net;
      const sysctl = async (name: string): Promise<string> => (await lb.run(['cat', `/proc/sys/net/${name}`])).trim();
      await lb.run([
        'sh',
        '-ec',
        'cd /proc/sys/net; echo 0 >ipv4/ip_forward; echo 0 >ipv6/conf/all/forwarding; echo 1 >ipv4/conf/client/rp_filter',
      ]);
      await using up = await lb.spawn([...NFQLB.command, 'up', ...setUpOf(net)]);
      await up.output();
      expect(up.stderr.split('\n')).toEqual([
        'nfqlb up: warning: net.ipv4.ip_forward is not 1: IPv4 packets are not passed on to targets; --sysctl sets it',
        'nfqlb up: warning: net.ipv6.conf.all.forwarding is not 1: IPv6 packets are not passed on to targets; --sysctl sets it',
        'nfqlb up: warning: net.ipv4.conf.all.rp_filter is not 2: IPv4 packets that come another way than answers would go are dropped (client); --sysctl sets it',
        '',
      ]);
      expect(await sysctl('ipv4/ip_forward')).toBe('0');
      const said = await nfqlb(lb, 'up', '--sysctl', ...setUpOf(net));
      expect(said).toContain(
        'net.ipv4.ip_forward is set to 1\nnet.ipv6.conf.all.forwarding is set to 1\nnet.ipv4.conf.all.rp_filter is set to 2\n',
      );
      expect(await sysctl('ipv4/ip_forward')).toBe('1');
      expect(await sysctl('ipv6/conf/all/forwarding')).toBe('1');
      expect(await sysctl('ipv4/conf/all/rp_filter')).toBe('2');
    });
  },
  NFQLB,
);

/**
 * Calls `use` with a PATH that has other programs first.
 *
 * @param script creates them in their folder
 */
async function withPrograms<T>({ lb, name }: Topology, script: string, use: (options: StartOptions) => Promise<T>): Promise<T> {
  const folder = `/tmp/${name}-programs`;
  await lb.run(['sh', '-e'], { input: `mkdir ${folder}\ncd ${folder}\n${script}\n` });
  try {
    return await use({ env: { PATH: `${folder}:${process.env.PATH}` } });
  } finally {
    await lb.run(['rm', '-r', folder]);
  }
}

/** The commands executed if the program is killed at each point: the first few, and for an `ip` batch the first few lines. */
function partsOf(commands: readonly string[]): string[] {
  return commands.flatMap((command, done) => {
    const before = commands.slice(0, done).join('');
    const [head, ...lines] = command.split('\n');
    const batch = head!.startsWith('ip ') ? lines.slice(0, -2) : [];
    return [...batch.map((_, i) => `${before}${[head, ...batch.slice(0, i), 'END', ''].join('\n')}`), `${before}${command}`];
  });
}
