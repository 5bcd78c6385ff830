// `nfqlb top` as a user sees it: on terminals of various sizes, through a pipe, and the terminal's state after it ends.

import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { PseudoTerminal } from './pseudo-terminal.js';

const TOP = `${NFQLB.command.join(' ')} top`;
const INITIAL_MODES = 'alternate=0 cursor=1 wrap=1';

describeLive(
  'top',
  () => {
    test('shows the traffic on 80 × 24, and fits other sizes', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { flows: true, queue: '0:1', options: ['--qlength=16384'] });
      await lb.run('flow-set', '--name=web', `--target=${lb.table}`, '--protocols=udp');
      await using terminal = await PseudoTerminal.open(net.lb, 80, 24);
      await using _sender = await Sender.start(net, { rate: 5000, seconds: 20, length: 1000, sourceAddresses: 10, sourcePorts: 50 });
      await terminal.type(TOP);
      await terminal.waitForScreen(/^FLOW /m);
      const near = (text: string | undefined, wanted: number): boolean => Math.abs(Number(text?.replaceAll(',', '')) / wanted - 1) < 0.1;
      const rate = (screen: readonly string[], beginning: string): string | undefined =>
        / ([\d,]+) /.exec(screen.find((line) => line.startsWith(`${beginning} `)) ?? '')?.[1];
      // On a busy machine the interval is not always exactly one second.
      await expect
        .poll(
          async () => {
            const screen = await terminal.screen();
            const [, packets, megabits] = /^([\d,]+) packets\/s {2}([\d.]+) Mbit\/s/.exec(screen[1]!) ?? [];
            const targets = net.targets.map(({ fwmark }) => Number(rate(screen, String(fwmark))?.replaceAll(',', '')));
            return [
              near(packets, 5000),
              near(megabits, 40),
              near(String(targets[0]! + targets[1]!), 5000),
              near(rate(screen, 'web'), 5000),
            ];
          },
          { timeout: 10_000, interval: 300 },
        )
        .toEqual([true, true, true, true]);
      const screen = await terminal.screen();
      expect(screen.length).toBe(24);
      expect(screen[0]).toMatch(/^nfqlb flowlb {2}queues 0 to 1 {2}healthy {2}up 0:00:\d\d {2}pid \d+ {2}nfqlb-/);
      expect(screen[23]).toBe('q quit   every 1 s');
      for (const [columns, rows] of [
        [60, 14],
        [120, 40],
      ] as const) {
        await terminal.resize(columns, rows);
        await expect.poll(async () => (await terminal.screen())[rows - 1], { timeout: 3000 }).toBe('q quit   every 1 s');
        const resized = await terminal.screen();
        expect(resized[0]).toMatch(/^nfqlb flowlb/);
        expect(resized.length).toBe(rows);
      }
      await terminal.press('q');
      await expect.poll(() => terminal.modes()).toBe(INITIAL_MODES);
    });

    describe('restores the terminal', () => {
      test.each([
        ['q', (terminal: PseudoTerminal) => terminal.press('q'), 0],
        ['Ctrl-C', (terminal: PseudoTerminal) => terminal.press('C-c'), 0],
        ['SIGTERM', (_: PseudoTerminal, kill: (signal: string) => Promise<unknown>) => kill('TERM'), 0],
        ['SIGINT', (_: PseudoTerminal, kill: (signal: string) => Promise<unknown>) => kill('INT'), 0],
        ['SIGHUP', (_: PseudoTerminal, kill: (signal: string) => Promise<unknown>) => kill('HUP'), 0],
      ] as const)('after %s', async (_, end, status) => {
        await using net = await Topology.create({ targets: 1 });
        await using _lb = await LoadBalancer.start(net);
        await using terminal = await PseudoTerminal.open(net.lb, 80, 24);
        await terminal.type(`before=$(stty -g); ${TOP}; echo "ended $?"; [ "$before" = "$(stty -g)" ] && echo same settings`);
        await terminal.waitForScreen(/^TARGET /m);
        expect(await terminal.modes()).toBe('alternate=1 cursor=0 wrap=0');
        await end(terminal, async (signal) => {
          const pid = /pid (\d+)/.exec(
            await net.lb.run([
              'sh',
              '-c',
              'for p in $(ip netns pids "$(ip netns identify)"); do tr "\\0" " " </proc/$p/cmdline | grep -q "nfqlb.js top" && echo "pid $p"; done; true',
            ]),
          )![1]!;
          await net.lb.run(['kill', `-${signal}`, pid]);
        });
        await terminal.waitForScreen(new RegExp(`^ended ${status}\nsame settings$`, 'm'));
        expect(await terminal.modes()).toBe(INITIAL_MODES);
      });

      test('after an error, and while it is suspended', async () => {
        await using net = await Topology.create({ targets: 1 });
        await using _lb = await LoadBalancer.start(net);
        await using terminal = await PseudoTerminal.open(net.lb, 80, 24);
        const fault = join(tmpdir(), `nfqlb-test-fault-${process.pid}.cjs`);
        writeFileSync(fault, "setTimeout(() => { throw new Error('a fault'); }, 5000);");
        try {
          await terminal.type(`NODE_OPTIONS=--require=${fault} ${TOP}; echo "ended $?"`);
          await terminal.waitForScreen(/^TARGET /m);
          await terminal.press('C-z');
          await terminal.waitForScreen(/Stopped|\[1\]/);
          expect(await terminal.modes()).toBe(INITIAL_MODES);
          await terminal.type('fg');
          await terminal.waitForScreen(/^TARGET /m);
          expect(await terminal.modes()).toBe('alternate=1 cursor=0 wrap=0');
          await terminal.waitForScreen(/a fault/, 8000);
          expect(await terminal.modes()).toBe(INITIAL_MODES);
        } finally {
          rmSync(fault);
        }
      });
    });

    test('shows several load balancers one at a time, and waits for one that ended', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using first = await LoadBalancer.start(net);
      await using other = await net.lb.spawn([
        ...NFQLB.command,
        'lb',
        `--tshm=${first.table}`,
        '--queue=8',
        `--ft_shm=${net.sharedMemory('8')}`,
      ]);
      await other.waitForOutput(/listening/);
      await using terminal = await PseudoTerminal.open(net.lb, 80, 24);
      await terminal.type(TOP);
      await terminal.waitForScreen(/^nfqlb lb {2}queue 2 [\s\S]*Tab next load balancer \(1 of 2\)/);
      await terminal.press('Tab');
      await terminal.waitForScreen(/^nfqlb lb {2}queue 8 [\s\S]*\(2 of 2\)/);
      await other.stop('SIGKILL');
      await terminal.waitForScreen(/^nfqlb lb {2}queue 2 [\s\S]*^q quit {3}every 1 s/m);
      await first.kill();
      await terminal.waitForScreen(/^still looking: no load balancer runs in this network namespace;/);
      await first.restart();
      await terminal.waitForScreen(/^nfqlb lb {2}queue 2 [\s\S]*^TARGET/m);
      await terminal.press('q');
    });

    test('writes lines through a pipe, with the counts that were received', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { options: ['--qlength=16384'] });
      await using receiver = await Receiver.start(net, { period: 200 });
      await using sender = await Sender.start(net, { rate: 10_000, count: 5000, sourceAddresses: 10 });
      await sender.finish();
      const { byTarget } = await receiver.finish();
      const lines = (await lb.run('top', '--count=1', '--interval=0.3', '--queue=2')).split('\n');
      for (const { fwmark, number } of net.targets) {
        expect(lines.find((line) => line.includes(` target ${fwmark} `))).toMatch(new RegExp(` packets=${byTarget[number - 1]}$`));
      }
      expect(lines.every((line) => line === '' || /^\d\d:\d\d:\d\d lb=2 \w/.test(line))).toBe(true);
      expect(await lb.host.run(['sh', '-c', `${TOP} --interval=0.3 | head -n 2`])).toMatch(/^\S+ lb=2 total .*\n\S+ lb=2 queue 2 .*\n$/);
    });

    test('reports an error in one line', async () => {
      await using net = await Topology.create({ targets: 1 });
      const refusal = (...options: readonly string[]): Promise<string> =>
        net.lb.run([...NFQLB.command, 'top', ...options]).then(
          () => 'none',
          (error: Error) => error.message,
        );
      expect(await refusal()).toContain('(status 1): nfqlb top: no load balancer runs in this network namespace');
      await using _lb = await LoadBalancer.start(net, { queue: '0:3' });
      expect(await refusal('--queue=4')).toContain('nfqlb top: no load balancer listens to queue 4; those that run listen from queue 0 on');
      expect(await refusal('--interval=0.1')).toContain('--interval=0.1: must be from 0.2 to 3600 seconds');
      expect(await refusal('--count=1', '--queue=3', '--interval=0.3')).toBe('none');
    });
  },
  NFQLB,
  { tmux: 'tmux' },
);
