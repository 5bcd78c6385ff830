// Tracing the running load balancer: real packets with the actual reasons.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fragments, packet } from '@nfqlb/core/testing';
import { expect, test } from 'vitest';
import { type Running, run } from '../processes/running.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { inject } from '../traffic/injection.js';
import { ask } from '../traffic/questions.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { LoadBalancer } from './load-balancer.js';
import { NFQLB } from './program.js';

const SIM = fileURLToPath(new URL('../../../sim/dist/sim.js', import.meta.url));

/** Starts a trace and waits until the load balancer serves it. Its selection must exceed those of the traces already running. */
async function follow(lb: LoadBalancer, selection: string, ...options: readonly string[]): Promise<Running> {
  await lb.run('loglevel', '6');
  const begun = (): number => lb.process.stderr.match(/tracing /g)?.length ?? 0;
  const before = begun();
  const trace = await lb.spawn('trace', `--selection=${selection}`, ...options);
  await expect.poll(begun, { timeout: 5000 }).toBeGreaterThan(before);
  return trace;
}

const mask = (lb: LoadBalancer): number => readFileSync(`/dev/shm/${lb.logConfig}`).readUInt32LE(4);
const linesOf = ({ stdout }: Running): string[] => stdout.trim().split('\n').slice(1);
const hex = (...packets: readonly Uint8Array[]): string[] => packets.map((bytes) => Buffer.from(bytes).toString('hex'));

/** The decision in a line: hash, bucket and fwmark. */
const choiceIn = (line: string): number[] => {
  const [, hash, bucket, fwmark] = /hash (0x[0-9a-f]+) mod 997 = bucket (\d+) -> fwmark (\d+)$/.exec(line) ?? [];
  return [Number(hash), Number(bucket), Number(fwmark)];
};

describeLive(
  'a trace',
  () => {
    test.each([4, 6] as const)(
      'IPv%i: shows each packet and the reason for its target; a replay of the capture gives the same decisions',
      async (family) => {
        await using net = await Topology.create({ targets: 4 });
        await using lb = await LoadBalancer.start(net);
        await EchoServers.start(net);
        const file = `/dev/shm/${net.sharedMemory('capture.pcapng')}`;
        await using trace = await follow(lb, 'packet', '--count=40', `--write=${file}`);
        const answers = await ask(net, { protocol: 'udp', family, connections: 40 });
        expect((await trace.exited).status).toBe(0);
        const lines = linesOf(trace);
        expect(lines).toHaveLength(40);
        const address = family === 4 ? '10\\.[0-9.]+:\\d+ -> 10\\.0\\.0\\.1:7' : '\\[fd[0-9a-f:]+\\]:\\d+ -> \\[1000::1\\]:7';
        const form = new RegExp(
          `^\\d\\d:\\d\\d:\\d\\d\\.\\d{6} queue 2: udp ${address} kind=normal len=${family === 4 ? 36 : 56}; balanced: table ${lb.table}, hash `,
        );
        for (const line of lines) expect(line).toMatch(form);
        // The kernel's routing agrees with the lines.
        expect(answers.byTarget).toEqual(net.targets.map(({ fwmark }) => lines.filter((line) => choiceIn(line)[2] === fwmark).length));

        const targets = net.targets.map((target) => target.fwmark).join();
        const replayed = (await run([process.execPath, SIM, 'replay', file, `--targets=${targets}`, '--json'])).trim().split('\n');
        const decided = replayed.map((line) => JSON.parse(line) as { hash: number; bucket: number; fwmark: number });
        expect(decided.map(({ hash, bucket, fwmark }) => [hash, bucket, fwmark])).toEqual(lines.map(choiceIn));
        // Another program can also read it.
        const dumped = (await run(['tcpdump', '-nn', '-r', file])).trim().split('\n');
        expect(dumped).toHaveLength(40);
        for (const line of dumped)
          expect(line).toMatch(
            family === 4 ? /IP 10\.[0-9.]+ > 10\.0\.0\.1\.7: UDP, length 8/ : /IP6 fd[0-9a-f:.]+ > 1000::1\.7: UDP, length 8/,
          );
      },
    );

    test('serves several clients, each with its own selection, until they end, however they end', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { targets: [net.target(1)] });
      await EchoServers.start(net);
      await using packets = await follow(lb, 'packet');
      await using targets = await follow(lb, 'target,log');
      // The mask is only for clients of C nfqlb: withdrawn by ours soon after the load balancer has begun.
      await expect.poll(() => mask(lb)).toBe(0);
      await targets.waitForOutput(new RegExp(`target: table ${lb.table}: ${net.target(1).fwmark}\n`));
      await lb.activate(net.target(2));
      await targets.waitForOutput(new RegExp(`target: table ${lb.table}: \\+${net.target(2).fwmark}, now`));
      await ask(net, { protocol: 'udp', connections: 5 });
      await expect.poll(() => linesOf(packets).length).toBe(5);
      expect(targets.stdout).not.toContain('queue 2:');
      expect(packets.stdout).not.toContain('target:');
      await packets.stop('SIGKILL');
      await lb.process.waitForOutput(/info: tracing log,target\n/);
      // Clients that selected the log receive it.
      await targets.waitForOutput(/^nfqlb lb: info: tracing log,target$/m);
      await targets.stop('SIGINT');
      await lb.process.waitForOutput(/info: nobody traces/);
      expect(mask(lb)).toBe(0);
    });

    test('that is not read loses lines and reports how many; no packet waits for it', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { options: ['--qlength=16384'] });
      await using trace = await follow(lb, 'packet');
      await using receiver = await Receiver.start(net);
      trace.signal('SIGSTOP');
      await using sender = await Sender.start(net, { rate: 15_000, count: 30_000 });
      const sent = await sender.finish();
      const received = await receiver.finish();
      expect(lost(received, sent)).toBe(0);
      expect(received.overflows).toBe(0);
      trace.signal('SIGCONT');
      await trace.waitForOutput(/\d+ lines lost: this client reads too slowly/);
      const all = (): number => {
        const told = [...trace.stdout.matchAll(/(\d+) (?:lines lost|packets of queue)/g)].reduce(
          (sum, [, count]) => sum + Number(count),
          0,
        );
        return told + linesOf(trace).filter((line) => line.includes(' udp ')).length;
      };
      // Each packet is either a line or counted as lost.
      await expect.poll(all, { timeout: 10_000 }).toBe(30_000);
      await lb.stop();
      expect(await trace.exited).toEqual({ status: 0, signal: null });
      expect(trace.stderr).toBe('nfqlb trace: the load balancer has ended the trace\n');
    });

    test.each([4, 6] as const)('IPv%i: of a trace flow shows only its packets, and ICMP errors about them in detail', async (family) => {
      await using net = await Topology.create({ targets: 4 });
      await using lb = await LoadBalancer.start(net, { options: ['--log-format=json'] });
      await using trace = await lb.spawn('trace', '--selection=flows');
      await lb.run('loglevel', '6');
      const [vip, client, router] = family === 4 ? ['10.0.0.1', '10.2.0.1', '10.9.9.9'] : ['1000::1', 'fd00:2::1', 'fd00:9::9'];
      const ip = family === 4 ? packet().ipv4(client, vip) : packet().ipv6(client, vip);
      const answer = (family === 4 ? packet().ipv4(vip, client) : packet().ipv6(vip, client)).tcp(80, 4711).payload(40).build();
      const from = family === 4 ? packet().ipv4(router, vip) : packet().ipv6(router, vip);
      const tooBig = from.icmpError(family === 4 ? 3 : 2, family === 4 ? 4 : 0, answer).build();
      new DataView(tooBig.buffer).setUint16(family === 4 ? 26 : 46, 1400);
      expect(
        await lb.run('trace-flow-set', '--name=web', '--protocols=tcp', '--dports=80', `--srcs=${client}/${family === 4 ? 32 : 128}`),
      ).toBe('OK\n');
      expect(await lb.run('trace-flow-list-names')).toBe('["web"]\n');
      await inject(net, {
        packets: hex(ip.tcp(4711, 80).build(), ip.tcp(4711, 81).build(), ip.udp(4711, 80).build(), tooBig, ip.icmpEcho(7, 9).build()),
        rate: 1000,
      });
      await expect.poll(() => linesOf(trace).length).toBe(4);
      const [hint, syn, error, ping] = linesOf(trace) as [string, string, string, string];
      expect(hint).toBe('there are no trace flows yet: nfqlb trace-flow-set');
      const [near, far] = family === 4 ? [`${client}:4711`, `${vip}:80`] : [`[${client}]:4711`, `[${vip}]:80`];
      expect(syn).toContain(` queue 2: trace-flow web: tcp ${near} -> ${far} kind=normal len=`);
      const reason = family === 4 ? 'destination unreachable: fragmentation needed mtu=1400' : 'packet too big mtu=1400';
      expect(error).toContain(
        ` queue 2: trace-flow web: icmp error from ${router}, ${reason}, about tcp ${near} -> ${far} kind=icmp-inner len=`,
      );
      expect(choiceIn(error)).toEqual(choiceIn(syn));
      // A ping matches by addresses only, as in C nfqlb.
      expect(ping).toContain(
        `trace-flow web: ${family === 4 ? 'icmp' : 'icmp6'} ${client} -> ${vip} kind=icmp len=${family === 4 ? 28 : 48} echo request id=7 seq=9;`,
      );
      expect(JSON.parse(await lb.run('trace-flow-list', '--name=web'))).toMatchObject({ name: 'web', matches_count: 3 });
      await lb.run('trace-flow-delete', '--name=web');
      await inject(net, { packets: hex(ip.tcp(4711, 80).build()) });
      expect(await lb.run('trace-flow-list')).toBe('[]\n');
      expect(linesOf(trace)).toHaveLength(4);
    });

    test('of fragments shows first ones, later ones, and those that arrived before their first', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net);
      await using trace = await follow(lb, 'frag');
      const whole = packet().ipv4('10.2.0.1', '10.0.0.1').udp(4711, 5000).payload(100).build();
      const [first, later] = fragments(whole, 68, 0x1234) as [Uint8Array, Uint8Array];
      const [, stray] = fragments(whole, 68, 0x1235) as [Uint8Array, Uint8Array];
      await inject(net, { packets: hex(first, later, stray, whole), rate: 1000 });
      await expect.poll(() => linesOf(trace).length).toBe(3);
      const [a, b, c] = linesOf(trace) as [string, string, string];
      expect(a).toMatch(/udp id=0x1234 10\.2\.0\.1:4711 -> 10\.0\.0\.1:5000 kind=first-fragment len=68; balanced: table .* -> fwmark \d+$/);
      expect(b).toMatch(
        /fragment id=0x1234 10\.2\.0\.1 -> 10\.0\.0\.1 kind=fragment len=\d+; balanced: a later fragment, goes where its first went -> fwmark \d+$/,
      );
      expect(b.split('fwmark ')[1]).toBe(a.split('fwmark ')[1]);
      expect(c).toMatch(/fragment id=0x1235 .*; dropped: a fragment that came before its first, and no room to store it$/);
    });

    test('covers the packets of all queues', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { queue: '0:3' });
      await using trace = await follow(lb, 'packet');
      const packets = Array.from({ length: 100 }, (_, i) => packet().ipv4(`10.2.0.${i}`, '10.0.0.1').udp(1000, 5000).payload(8).build());
      await inject(net, { packets: hex(...packets), rate: 5000 });
      await expect.poll(() => linesOf(trace).length).toBe(100);
      const of = (pattern: RegExp): string[] => linesOf(trace).map((line) => pattern.exec(line)![1]!);
      expect(new Set(of(/ queue (\d): /))).toEqual(new Set(['0', '1', '2', '3']));
      expect(new Set(of(/ udp (10\.2\.0\.\d+):1000 /)).size).toBe(100);
    });

    test('names flow and table while flows change, and shows flow commands with their replies', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { flows: true });
      await EchoServers.start(net);
      await using trace = await follow(lb, 'packet,flow-conf');
      await ask(net, { protocol: 'udp', connections: 1, timeout: 200 });
      await trace.waitForOutput(/udp .*; dropped: no flow matches$/m);
      await lb.run('flow-set', '--name=echo', `--target=${lb.table}`, '--protocols=udp', '--dports=7');
      await trace.waitForOutput(
        /^flow-conf: set name=echo priority=0 protocols=udp dports=7.* -> OK$|^flow-conf: set name=echo target=.* -> OK$/m,
      );
      for (let i = 0; i < 5; i++) {
        await lb.run('flow-set', `--name=other${i}`, `--target=${lb.table}`, '--prio=9', '--protocols=tcp');
        await ask(net, { protocol: 'udp', connections: 1 });
      }
      await expect.poll(() => trace.stdout.match(new RegExp(`balanced: flow echo, table ${lb.table}, hash`, 'g'))?.length).toBe(5);
      await expect(lb.run('flow-set', '--name=bad', '--target=none')).rejects.toThrow('no such table');
      await trace.waitForOutput(
        /^flow-conf: set .*name=bad.* -> FAIL: shared memory none: no such table; nfqlb init --shm=none creates it$/m,
      );
    });

    test('reports errors in one line, and leaves nothing behind', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net);
      const fails = async (...args: readonly string[]): Promise<string> => {
        const failed = await lb.spawn('trace', ...args);
        expect((await failed.exited).status).toBe(1);
        expect(failed.stderr).toMatch(/^nfqlb trace: [^\n]+\n$/);
        return failed.stderr;
      };
      expect(await fails()).toContain('give one of --selection and --mask');
      expect(await fails('--selection=log', '--mask=1')).toContain('give one of --selection and --mask');
      expect(await fails('--selection=log,packets')).toContain(
        '--selection=log,packets: packets: must be one of log, packet, frag, flow-conf, sctp, target, flows',
      );
      expect(await fails('--mask=lots')).toContain('--mask=lots: must be a number from 0 to 4294967295');
      expect(await fails('--mask=0x80')).toContain('none of its bits is an area');
      expect(await fails('--selection=log', '--trace_address=unix:nobody')).toContain('unix:nobody: nobody listens there');
      expect(await fails('--selection=log', '--trace_address=nobody')).toContain('must be unix:NAME, tcp:ADDRESS:PORT');
      expect(await fails('--selection=packet', '--write=/none/x.pcapng')).toContain('--write=/none/x.pcapng: no such file');
      expect(await fails('--selection=packet', '--write=/dev/full')).toContain('--write=/dev/full: no space left on the device');
      expect(mask(lb)).toBe(0);

      // If the default address is in use, another load balancer does without; an explicit address is required to be free.
      await lb.host.queue('3');
      const second = async (...options: string[]): Promise<Running> =>
        lb.spawn('lb', `--tshm=${lb.table}`, `--ft_shm=${lb.table}-fragments2`, '--queue=3', ...options);
      await using without = await second();
      await without.waitForOutput(
        /warning: cannot be traced: unix:nfqlb-trace: another program listens on it .*--trace_address names another/,
      );
      await without.waitForOutput(/warning: has no trace flows: unix:nfqlb: another program listens/);
      await without.waitForOutput(/listening on queue 3/);
      await without.stop();
      const refused = await second('--trace_address=unix:nfqlb-trace');
      expect((await refused.exited).status).toBe(1);
      expect(refused.stderr.split('\n').at(-2)).toMatch(/^nfqlb lb: unix:nfqlb-trace: another program listens on it/);
      await lb.run('loglevel', '6');
      await using third = await second('--trace_address=tcp:127.0.0.1:4712');
      await third.waitForOutput(/warning: tcp:127.0.0.1:4712: whoever can connect there sees what is traced/);
      await third.waitForOutput(/listening on queue 3/);
      await using trace = await lb.spawn('trace', '--selection=log', '--trace_address=tcp:127.0.0.1:4712', '--count=1');
      await third.waitForOutput(/info: tracing log/);
      await third.stop();
      expect((await trace.exited).status).toBe(0);
    });

    test('ends with its reader, and on a full disk; the written capture is intact', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net);
      await using _receiver = await Receiver.start(net);
      const command = `${NFQLB.command.join(' ')} trace --selection=packet`;
      await lb.run('loglevel', '6');
      await using head = await lb.host.spawn(['env', `NFQLB_TRACE_SHM=${lb.logConfig}`, 'sh', '-c', `${command} | head -3`]);
      await lb.process.waitForOutput(/info: tracing packet/);
      await using _sender = await Sender.start(net, { rate: 2000 });
      await head.exited;
      expect(head.stdout.split('\n')).toHaveLength(4);
      await lb.process.waitForOutput(/info: nobody traces/);

      const piped = await lb.host.run([
        'env',
        `NFQLB_TRACE_SHM=${lb.logConfig}`,
        'sh',
        '-c',
        `${command} --count=9 --write=- | tcpdump -nn -r -`,
      ]);
      expect(piped.trim().split('\n')).toHaveLength(9);

      const file = `/dev/shm/${net.sharedMemory('limited.pcapng')}`;
      await using limited = await lb.host.spawn([
        'env',
        `NFQLB_TRACE_SHM=${lb.logConfig}`,
        'sh',
        '-c',
        // In blocks of 512 octets. At the limit write(2) writes a part, then fails.
        `trap '' XFSZ; ulimit -f 20; exec ${command} --write=${file}`,
      ]);
      expect((await limited.exited).status).toBe(1);
      expect(limited.stderr).toMatch(/^nfqlb trace: --write=.*limited\.pcapng: EFBIG: file too large[^\n]*\n$/);
      expect(existsSync(file) && statSync(file).size).toBeLessThanOrEqual(10_240);
      const dumped = (await run(['tcpdump', '-nn', '-r', file])).trim().split('\n');
      expect(dumped.length).toBeGreaterThan(20);
    });
  },
  NFQLB,
);
