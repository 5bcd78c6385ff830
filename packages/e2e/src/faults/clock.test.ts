// Clocks that are set, and programs that share tables but not CLOCK_MONOTONIC: neither changes how long anything lasts. docs/faults.md has the table.

import { setTimeout as sleep } from 'node:timers/promises';
import { fragments, packet } from '@nfqlb/core/testing';
import { describe, expect, test } from 'vitest';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { Site, targetOf } from '../run/site.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { Arrivals } from '../traffic/arrivals.js';
import { EchoServers } from '../traffic/echo.js';
import { inject } from '../traffic/injection.js';
import { Questions } from '../traffic/questions.js';
import { observe } from './observed-fault.js';
import { SettableClock } from './settable-clock.js';

const HOUR_S = 3600;
const ACK = 0x10;
const SYN = 0x02;

/** How long connections keep their target, in seconds. */
const DRAIN_S = 6;

const hex = (packets: readonly Uint8Array[]): string[] => packets.map((bytes) => Buffer.from(bytes).toString('hex'));

/** In a time namespace of its own, whose clock is so far ahead, in seconds. */
const inTimeNamespace = (ahead: number): string[] => ['unshare', '--time', `--monotonic=${ahead}`, `--boottime=${ahead}`];

/** Programs in circumstances: words before each command, and what happens to the clock meanwhile. */
interface Clocks {
  readonly lb: readonly string[];
  readonly commands: readonly string[];
  readonly jump?: () => void;
}

/** The targets of packets that begin a connection, and of those that belong to none that is known: where new and old connections go. */
async function whereTo(net: Topology, port: number): Promise<{ young: number; old: number }> {
  const [client, vip] = [net.client.wire(net.lb.host).own.ipv4, net.vip(4)];
  const tcp = (from: number, flags: number): Uint8Array => packet().ipv4(client, vip).tcp(from, 80, { flags }).build();
  await using arrivals = await Arrivals.start(net);
  await inject(net, { packets: hex([tcp(port, SYN), tcp(port + 1, ACK)]), rate: 100 });
  // Other connections are never silent.
  await sleep(300);
  const arrived = await arrivals.finish();
  const target = (from: number): number => arrived.find(({ clientPort }) => clientPort === from)?.target ?? 0;
  return { young: target(port), old: target(port + 1) };
}

/** The first target is replaced by the second with a drain: connections keep the first for as long as they should. */
async function drains(net: Topology, { lb: before, commands, jump = () => {} }: Clocks): Promise<void> {
  await using lb = await LoadBalancer.start(net, { targets: [net.target(1)], env: before, options: ['--qlength=16384'] });
  await using _echo = await EchoServers.start(net);
  const command = (...args: readonly string[]): Promise<string> =>
    net.lb.run(['env', `NFQLB_TRACE_SHM=${lb.logConfig}`, ...commands, ...NFQLB.command, ...args]);
  await using questions = await Questions.start(net, { protocol: 'tcp', connections: 50, repeat: 0, interval: 50, timeout: 3000 });
  await sleep(500);
  const change = [`--shm=${lb.table}`, `--drain=${DRAIN_S}`];
  await command('activate', ...change, String(net.target(2).fwmark));
  await command('deactivate', ...change, String(net.target(1).fwmark));
  const begin = performance.now();
  jump();
  expect(await whereTo(net, 30_000)).toEqual({ young: 2, old: 1 });
  const shown = /In transition: 997 of 997 buckets, (\d+) s left/.exec(await command('show', `--shm=${lb.table}`));
  expect(Number(shown?.[1])).toBeLessThanOrEqual(DRAIN_S);
  expect(Number(shown?.[1])).toBeGreaterThan(0);
  jump();
  await sleep(begin + DRAIN_S * 1000 + 500 - performance.now());
  expect(await command('show', `--shm=${lb.table}`)).not.toContain('In transition');
  expect(await whereTo(net, 31_000)).toEqual({ young: 2, old: 2 });
  // Those that talked in the meantime stay for longer.
  const answers = await questions.stop();
  expect(answers).toMatchObject({ broken: 0, moved: 0, byTarget: [answers.answered] });
}

describeLive(
  'when the clock is set an hour forward, and back',
  () => {
    test('packets and their targets stay as they are', async () => {
      await using net = await Topology.create({ targets: 2 });
      using clock = new SettableClock(net);
      await using _servers = await EchoServers.start(net);
      await using _lb = await LoadBalancer.start(net, { env: clock.environment, options: ['--qlength=16384'] });
      const observed = await observe(net, 'the clock is set an hour forward, two back, and right again', async () => {
        for (const ahead of [HOUR_S, -HOUR_S, 0]) {
          clock.set(ahead);
          await sleep(1000);
        }
      });
      expect(observed).toEqual({ lost: 0, splitFlows: 0 });
    });

    test('a drain lasts as long as it should', async () => {
      await using net = await Topology.create({ targets: 2 });
      using clock = new SettableClock(net);
      const settings = [HOUR_S, -HOUR_S];
      await drains(net, { lb: clock.environment, commands: clock.environment, jump: () => clock.set(settings.shift()!) });
    });

    test('fragments wait for their first as long as they should', async () => {
      await using net = await Topology.create({ targets: 2 });
      using clock = new SettableClock(net);
      const options = ['--tun=nfqlb0', '--ft_ttl=3000'];
      await using lb = await LoadBalancer.start(net, { env: clock.environment, options });
      const parts = (id: number): string[] => {
        const whole = packet().ipv4(net.client.wire(net.lb.host).own.ipv4, net.vip(4)).udp(2000, 5000).payload(Buffer.alloc(80)).build();
        return hex(fragments(whole, 20 + 48, id));
      };
      const stored = async (): Promise<{ fragsDiscarded: number; fragsUsed: number }> =>
        JSON.parse(await lb.run('stats', `--ft_shm=${lb.table}-fragments`));
      for (const [i, ahead] of [HOUR_S, -HOUR_S].entries()) {
        const [first, later] = parts(i + 1) as [string, string];
        await using arrivals = await Arrivals.start(net, { silence: 300 });
        await inject(net, { packets: [later] });
        await expect.poll(stored).toMatchObject({ fragsUsed: 1 });
        clock.set(ahead);
        await inject(net, { packets: [first] });
        expect((await arrivals.finish()).reduce((sum, { packets }) => sum + packets, 0)).toBe(2);
      }
      // Without its first it is given up, neither at once nor never.
      const begin = performance.now();
      await inject(net, { packets: [parts(3)[1]!] });
      await expect.poll(stored).toMatchObject({ fragsUsed: 1 });
      clock.set(HOUR_S);
      await expect.poll(stored, { timeout: 10_000, interval: 100 }).toMatchObject({ fragsUsed: 0, fragsDiscarded: 1 });
      expect(performance.now() - begin).toBeGreaterThan(2900);
    });

    test('the times in traces follow', async () => {
      await using net = await Topology.create({ targets: 1 });
      using clock = new SettableClock(net);
      await using lb = await LoadBalancer.start(net, { env: clock.environment });
      await lb.run('loglevel', '6');
      await using trace = await lb.spawn('trace', '--selection=packet', '--count=6');
      await lb.process.waitForOutput(/tracing /);
      const sentAt: number[] = [];
      for (const ahead of [0, HOUR_S, -HOUR_S]) {
        clock.set(ahead);
        sentAt.push(Date.now() / 1000 + ahead);
        await whereTo(net, 30_000);
      }
      await trace.exited;
      const times = [...trace.stdout.matchAll(/^(\d\d):(\d\d):(\d\d\.\d{6}) /gm)].map(
        ([, h, m, s]) => 3600 * Number(h) + 60 * Number(m) + Number(s),
      );
      expect(times).toHaveLength(6);
      // Two packets each time. What is shown is the time of the day.
      const zone = new Date().getTimezoneOffset() * 60;
      for (const [i, time] of times.entries()) {
        const shown = time - sentAt[Math.floor(i / 2)]! + zone;
        const late = ((shown % 86_400) + 86_400) % 86_400;
        expect(late).toBeLessThan(3);
      }
    });

    test('health checks go on, and find a target that is down', async () => {
      await using net = await Topology.create({ targets: 2 });
      using clock = new SettableClock(net);
      const [one, two] = net.targets as [(typeof net.targets)[0], (typeof net.targets)[0]];
      await using _servers = await EchoServers.start(net);
      const table = net.sharedMemory('checked');
      await using site = new Site(net, net.lb, ['env', ...clock.environment]);
      const health = { type: 'icmp', interval: 0.5, timeout: 0.4, rise: 1, fall: 3 };
      const targets = [targetOf(net, one), targetOf(net, two)];
      const options = { queue: '2', qlength: 16_384, metrics: '127.0.0.1:9915' };
      site.write({ tables: { [table]: { mode: 'dsr', vips: [`${net.vip4}/32`, `${net.vip6}/128`], targets, health } }, options });
      await site.start();
      const active = async (): Promise<number[]> =>
        (JSON.parse(await site.run('show', '--json', `--shm=${table}`)) as { targets: { fwmark: number }[] }).targets.map(
          ({ fwmark }) => fwmark,
        );
      await expect.poll(active, { timeout: 10_000 }).toHaveLength(2);
      const { lost } = await observe(net, 'the clock is set while targets are checked', async () => {
        for (const ahead of [HOUR_S, -HOUR_S]) {
          clock.set(ahead);
          await sleep(1500);
          expect(await active()).toHaveLength(2);
        }
      });
      expect(lost).toBe(0);
      clock.set(HOUR_S);
      const device = two.wire(net.lb.host).own.device;
      const begin = performance.now();
      await two.ip(`link set ${device} down`);
      clock.set(-HOUR_S);
      await expect.poll(active, { timeout: 10_000, interval: 50 }).toEqual([one.fwmark]);
      console.log(`down after ${Math.round(performance.now() - begin)} ms while the clock is set`);
    });
  },
  NFQLB,
);

describeLive(
  'in different time namespaces',
  () => {
    describe.each<[string, Clocks]>([
      ['the load balancer’s clock is a day ahead', { lb: inTimeNamespace(90_000), commands: [] }],
      ['the commands’ clock is an hour ahead', { lb: [], commands: inTimeNamespace(HOUR_S) }],
    ])('%s', (_name, clocks) => {
      test('a drain lasts as long as it should', async () => {
        await using net = await Topology.create({ targets: 2 });
        await drains(net, clocks);
      });
    });

    test('a process takes over from one whose clock is an hour ahead: its drain and its connections stay', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _echo = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net, { targets: [net.target(1)], options: ['--qlength=16384'] });
      await using questions = await Questions.start(net, { protocol: 'tcp', connections: 50, repeat: 0, interval: 50, timeout: 3000 });
      await sleep(500);
      const change = [`--shm=${lb.table}`, `--drain=${DRAIN_S}`];
      await lb.run('activate', ...change, String(net.target(2).fwmark));
      await lb.run('deactivate', ...change, String(net.target(1).fwmark));
      const begin = performance.now();
      await sleep(500);
      await using next = await net.lb.spawn([...inTimeNamespace(HOUR_S), ...lb.startCommand('--takeover')]);
      await next.waitForOutput(/: listening on queue/, 30_000);
      expect((await lb.process.exited).status).toBe(0);
      expect(await whereTo(net, 30_000)).toEqual({ young: 2, old: 1 });
      await sleep(begin + DRAIN_S * 1000 + 500 - performance.now());
      expect(await whereTo(net, 31_000)).toEqual({ young: 2, old: 2 });
      const answers = await questions.stop();
      expect(answers).toMatchObject({ broken: 0, moved: 0, byTarget: [answers.answered] });
    });
  },
  NFQLB,
);
