// What may happen to a load balancer. After each: traffic is right again by itself, and nothing is left behind; or one line says what to do.
// docs/faults.md has the table; its figures are in build/faults.md after a run of this file on an idle machine.

import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { changeTable } from '@nfqlb/protocol/tables';
import { expect, test } from 'vitest';
import { startFlowLb, tableOf } from '../load-balancer/application.js';
import { inflict } from '../load-balancer/fault.js';
import { FLOW_ADDRESS, sendToFlowLb } from '../load-balancer/flow-commands.js';
import { httpGet } from '../load-balancer/http.js';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { shown } from '../load-balancer/shown-table.js';
import type { Running } from '../processes/running.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { holdingsOf, isRight, observe } from './observed-fault.js';

const MEBI = 2 ** 20;

/** A worker's thread: Node does not name its threads, but a worker waits in poll, and the main thread in epoll. */
async function threadOf(lb: LoadBalancer): Promise<number> {
  const threads = readdirSync(`/proc/${lb.process.pid}/task`).map(Number);
  const waits = await lb.host.run(['sh', '-c', `cd /proc/${lb.process.pid}/task; grep -l poll_schedule */wchan || true`]);
  const worker = threads.find((thread) => thread !== lb.process.pid && waits.includes(`${thread}/`));
  return worker ?? threads.at(-1)!;
}

/** Stops a worker's thread: only while it waits for packets can it be told from the others. */
async function held(lb: LoadBalancer): Promise<Running> {
  for (let tries = 1; ; tries++) {
    try {
      return await inflict('hold-worker', lb);
    } catch (error) {
      if (tries === 50) throw error;
    }
  }
}

/** How many packets the kernel has dropped, as the latest warning says. */
function droppedBy(lb: LoadBalancer, count: RegExp): number {
  const warnings = [...lb.process.stderr.matchAll(/warning: queue 2: the kernel dropped \d+ packets \((.*)\)/g)];
  return Number(count.exec(warnings.at(-1)?.[1] ?? '')?.[1] ?? 0);
}

/** The one line of a command that must fail. */
async function refusal(running: Running): Promise<string> {
  const { status } = await running.exited;
  const lines = running.stderr.trim().split('\n');
  expect([status, lines.length], running.stderr).toEqual([1, 1]);
  return lines[0]!;
}

describeLive(
  'a load balancer recovers',
  () => {
    test.each([
      ['kill -9 of the process', async (lb: LoadBalancer) => lb.process.pid],
      ['kill -9 of a worker’s thread, which ends the process', threadOf],
    ])('%s', async (name, victim) => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net);
      const before = await holdingsOf(lb);
      const { splitFlows } = await observe(net, name, async () => {
        const { exited } = lb.process;
        process.kill(await victim(lb), 'SIGKILL');
        expect((await exited).signal).toBe('SIGKILL');
        await lb.restart();
      });
      expect(splitFlows).toBe(0);
      const { descriptors, sharedMemory, rules } = await holdingsOf(lb);
      expect({ descriptors, sharedMemory, rules }).toEqual({
        descriptors: before.descriptors,
        sharedMemory: before.sharedMemory,
        rules: before.rules,
      });
    });

    test('SIGSTOP for 10 s: what does not fit into the queue is lost, and nothing hangs', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net, { options: ['--qlength=16384', '--metrics=127.0.0.1:9912'] });
      const { splitFlows } = await observe(net, 'SIGSTOP for 10 s, queue of 16,384', async () => {
        lb.process.signal('SIGSTOP');
        // Who asks what its health checks say sees the table meanwhile, and what is waited for.
        await using show = await lb.spawn('show', `--shm=${lb.table}`);
        await show.waitForOutput(/nfqlb show: health: the load balancer of queue 2 does not answer; waiting for up to 2 s\n/);
        expect([show.ended, show.stdout]).toEqual([false, expect.stringMatching(/^Shm: .*Permutation: fwmark\n$/s)]);
        expect((await show.exited).status).toBe(0);
        expect(show.stderr).toMatch(/queue 2: no reply within 2 s\n$/);
        await sleep(8000);
        lb.process.signal('SIGCONT');
      });
      expect(splitFlows).toBe(0);
      await expect.poll(async () => (await httpGet(net.lb, 'http://127.0.0.1:9912/healthz')).text).toBe('healthy\n');
    });

    test('a worker that hangs for 3 s: its queue waits, and so do its packets', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net, { options: ['--qlength=16384'] });
      const observed = await observe(net, 'a worker’s thread hangs for 3 s, queue of 16,384', async () => {
        await using _held = await held(lb);
        await sleep(3000);
      });
      expect(observed).toEqual({ lost: 0, splitFlows: 0 });
    });

    test('the queue overflows: what exceeds it is lost, one line says so, and the rest is in time', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net, { options: ['--qlength=64'] });
      const { lost, splitFlows } = await observe(net, 'the queue of 64 overflows for 1 s', async () => {
        await using _held = await held(lb);
        await sleep(1000);
      });
      expect(splitFlows).toBe(0);
      expect(lost).toBeGreaterThan(100);
      await expect.poll(() => droppedBy(lb, /queue full (\d+), socket full 0 in all/)).toBeGreaterThan(100);
    });

    test('the queue’s socket has no room (ENOBUFS): what exceeds it is lost, one line says so, and it goes on', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net, { options: ['--qlength=16384'] });
      const { lost, splitFlows } = await observe(net, 'the queue’s socket has no room for 1 s (ENOBUFS)', async () => {
        await using _full = await inflict('fill-buffer', lb);
        {
          await using _held = await held(lb);
          await sleep(500);
        }
        await sleep(500);
      });
      expect(splitFlows).toBe(0);
      expect(lost).toBeGreaterThan(50);
      expect(lb.process.ended).toBe(false);
      await expect.poll(() => droppedBy(lb, /queue full 0, socket full (\d+) in all/)).toBeGreaterThan(50);
    });

    test.each<[string, (path: string) => void]>([
      ['shared memory deleted', (path) => rmSync(path)],
      ['shared memory truncated to nothing', (path) => truncateSync(path)],
      ['shared memory overwritten with zeros', (path) => writeFileSync(path, Buffer.alloc(9000), { flag: 'r+' })],
    ])('%s: its targets stay', async (name, damage) => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net);
      const observed = await observe(net, name, async () => {
        damage(`/dev/shm/${lb.table}`);
        await sleep(500);
      });
      expect(observed).toEqual({ lost: 0, splitFlows: 0 });
      // And a new table mends it, while it runs.
      await lb.run('init', `--shm=${lb.table}`);
      await lb.activate(net.target(1));
      await isRight(net);
      expect((await shown(lb)).M).toBe(997);
    });

    test('shared memory overwritten with chance, again and again: it runs, and a new table mends it', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net);
      for (let i = 0; i < 50; i++) {
        writeFileSync(`/dev/shm/${lb.table}`, randomBytes(3000), { flag: 'r+' });
        await sleep(5);
      }
      expect(lb.process.ended).toBe(false);
      expect(await refusal(await lb.spawn('activate', `--shm=${lb.table}`, '101'))).toMatch(/shared memory .*: not a target table: /);
      await lb.run('init', `--shm=${lb.table}`);
      await lb.activate(...net.targets);
      await isRight(net);
    });

    test('the interface to the clients goes down for 1 s', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      await using _lb = await LoadBalancer.start(net);
      const routes = await net.lb.run(['sh', '-c', 'ip -4 route show table all | grep -v "^local\\|^broadcast"']);
      await observe(net, 'the interface to the clients down for 1 s', async () => {
        await net.lb.ip('link set client down');
        await sleep(1000);
        await net.lb.ip('link set client up');
        // What the administrator, or the network's configuration, brings back.
        for (const route of routes.split('\n').filter((line) => line.includes('dev client') && !line.includes('proto kernel'))) {
          await net.lb.ip(`route replace ${route.trim()}`);
        }
      });
    });

    test('10,000 changes of targets under load: nothing is lost, and nothing grows', async () => {
      await using net = await Topology.create({ targets: 4 });
      await using _servers = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net, { options: ['--qlength=16384'] });
      const change = async (times: number): Promise<void> => {
        for (let i = 0; i < times; i++) {
          changeTable(lb.table, (table) => table.setTargets(net.targets.filter((_, k) => k !== i % 4).map(({ fwmark }) => ({ fwmark }))));
          if (i % 50 === 0) await sleep(1);
        }
      };
      await change(1000);
      const before = await holdingsOf(lb);
      const { lost } = await observe(net, '10,000 changes of targets', async () => {
        await change(10_000);
        changeTable(lb.table, (table) => table.setTargets(net.targets.map(({ fwmark }) => ({ fwmark }))));
      });
      expect(lost).toBe(0);
      const after = await holdingsOf(lb);
      expect({ ...after, memory: 0 }).toEqual({ ...before, memory: 0 });
      expect(after.memory - before.memory).toBeLessThan(48 * MEBI);
    });

    test('kill -9 of commands in the middle of a change: the table is whole, and free for the next one', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net, { init: ['--M=100003', '--N=1000'] });
      // How long one takes, so that the moments of death are spread over it.
      const begin = performance.now();
      await lb.activate(...net.targets);
      const whole = performance.now() - begin;
      const observed = await observe(net, 'kill -9 of 20 commands in the middle of a change', async () => {
        for (let i = 0; i < 20; i++) {
          await using command = await lb.spawn(i % 2 === 0 ? 'deactivate' : 'activate', `--shm=${lb.table}`, `${net.target(2).fwmark}`);
          await sleep(whole * (0.5 + (0.6 * i) / 20));
          await command.stop('SIGKILL');
        }
        await lb.activate(...net.targets);
      });
      expect(observed.lost).toBe(0);
      const active = (await shown(lb)).targets.map(({ fwmark }) => fwmark);
      expect(active.toSorted()).toEqual(net.targets.map(({ fwmark }) => fwmark).toSorted());
    });

    test('memory runs out in commands: each table is the old or the new one, and the next command works', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net, { init: ['--M=100003', '--N=1000'] });
      const [one, two] = net.targets.map(({ fwmark }) => fwmark) as [number, number];
      const file = `/dev/shm/${net.sharedMemory('file')}`;
      writeFileSync(file, JSON.stringify({ tables: { [lb.table]: { targets: { [one]: 1, [two]: 2 } } } }));
      const change = [`--shm=${lb.table}`, String(two)];
      const commands = [
        ['deactivate', ...change],
        ['activate', ...change],
        ['apply', file],
      ];
      // What the kernel gives, and what V8 takes. With less, Node does not come as far as the program, or hangs: so it is given 10 s.
      const limits = [
        ...[60, 70, 80, 90].map((mebi) => ['prlimit', `--data=${mebi * MEBI}`]),
        ...[3, 4, 5, 6].map((mebi) => ['env', `NODE_OPTIONS=--max-old-space-size=${mebi}`]),
      ];
      let failed = 0;
      const { lost } = await observe(net, 'memory runs out in 24 commands', async () => {
        for (const limit of limits) {
          for (const command of commands) {
            const running = await net.lb.spawn(['timeout', '--signal=KILL', '10', ...limit, ...NFQLB.command, ...command]);
            const { status } = await running.exited;
            if (status !== 0) failed++;
            const { M, targets } = await shown(lb);
            expect([M, targets.length > 0]).toEqual([100_003, true]);
          }
        }
        await lb.activate(...net.targets);
      });
      console.log(`${failed} of ${limits.length * commands.length} commands ran out of memory`);
      expect(failed).toBeGreaterThan(3);
      expect(lost).toBe(0);
      const active = (await shown(lb)).targets.map(({ fwmark }) => fwmark);
      expect(active.toSorted()).toEqual([one, two].toSorted());
    });

    test('memory runs out in a load balancer: it goes on, or ends and is started again; its table stays whole', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net, { options: ['--qlength=16384', '--metrics=127.0.0.1:9916'] });
      const { pid } = lb.process;
      const { splitFlows } = await observe(net, 'memory runs out in a load balancer', async () => {
        const used = 1024 * Number(/^VmData:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
        await net.lb.run(['prlimit', `--pid=${pid}`, `--data=${used}`]);
        // It needs memory for what it is asked, again and again.
        for (let i = 0; i < 20 && !lb.process.ended; i++) {
          await httpGet(net.lb, 'http://127.0.0.1:9916/metrics').catch(() => {});
          await lb.activate(...net.targets);
        }
        console.log(
          lb.process.ended
            ? `it ended: ${JSON.stringify(await lb.process.exited)} ${lb.process.stderr.split('\n').slice(0, 8).join(' / ')}`
            : 'it went on',
        );
        if (lb.process.ended) await lb.restart();
      });
      expect(splitFlows).toBe(0);
      expect((await shown(lb)).targets).toHaveLength(2);
    });

    test('V8’s heap is full in a load balancer: it goes on, or ends and is started again; its table stays whole', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      // What it needs, and little more. 40 flows of 10,000 networks each need much more for a moment.
      await using lb = await LoadBalancer.start(net, {
        flows: true,
        targets: [],
        flowAddress: FLOW_ADDRESS,
        env: ['NODE_OPTIONS=--max-old-space-size=20'],
        options: ['--qlength=16384'],
      });
      const table = await tableOf(net, lb, 'table', ...net.targets);
      await lb.run('flow-set', '--name=all', `--target=${table}`);
      await isRight(net);
      const { splitFlows } = await observe(net, 'V8’s heap is full in a load balancer', async () => {
        const cidrs = Array.from({ length: 10_000 }, (_, k) => `10.${k >> 8}.${k & 255}.0/24`).join();
        const many = Array.from(
          { length: 40 },
          (_, k) => `action:set\nname:f${k}\ntarget:${table}\nprotocols:sctp\ndports:${k + 1}\nsrcs:${cidrs}\neoc:\n`,
        );
        await sendToFlowLb(net.lb, many).catch(() => 0);
        const { ended } = lb.process;
        console.log(
          ended
            ? `it ended: ${JSON.stringify(await lb.process.exited)} ${lb.process.stderr.split('\n').slice(0, 12).join(' / ')}`
            : 'it went on',
        );
        if (ended) await lb.restart();
        await lb.run('flow-set', '--name=all', `--target=${table}`);
      });
      expect(splitFlows).toBe(0);
    });

    test('kill -9 of apply half-way: applied again, everything is as declared', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      await using _lb = await LoadBalancer.start(net, { flows: true, targets: [] });
      const file = `/dev/shm/${net.sharedMemory('file')}`;
      const names = Array.from({ length: 8 }, (_, i) => net.sharedMemory(`t${i}`));
      const [one, two] = net.targets.map(({ fwmark }) => fwmark);
      const configuration = (turn: number): string =>
        JSON.stringify({
          tables: Object.fromEntries(names.map((name) => [name, { targets: { [one!]: 1, [two!]: 1 + turn } }])),
          flows: [
            { name: 'all', target: names[0] },
            ...Array.from({ length: 100 }, (_, i) => ({
              name: `f${i}`,
              target: names[i % 8],
              priority: turn,
              protocols: 'sctp',
              dports: i + 1,
            })),
          ],
        });
      const apply = async (turn: number): Promise<Running> => {
        writeFileSync(file, configuration(turn));
        return net.lb.spawn([...NFQLB.command, 'apply', file]);
      };
      const begin = performance.now();
      await (await apply(0)).output();
      const whole = performance.now() - begin;
      const { lost } = await observe(net, 'kill -9 of apply half-way, 10 times', async () => {
        for (let turn = 1; turn <= 10; turn++) {
          await using half = await apply(turn);
          await sleep(whole * (0.3 + 0.07 * turn));
          await half.stop('SIGKILL');
        }
        await (await apply(11)).output();
      });
      expect(lost).toBe(0);
      expect(await (await apply(11)).output()).toBe('nothing to change\n');
    });
  },
  NFQLB,
);

describeLive(
  'without room, a command says in one line what to do',
  () => {
    /** Runs it in namespaces of its own with so little shared memory. */
    const cramped = (net: Topology, octets: number, script: string): Promise<Running> =>
      net.lb.spawn([
        'unshare',
        '--mount',
        'sh',
        '-ec',
        `mount -t tmpfs -o size=${octets} tmpfs /dev/shm; ${script}`,
        'sh',
        ...NFQLB.command,
      ]);

    test('/dev/shm is full', async () => {
      await using net = await Topology.create({ targets: 1 });
      expect(await refusal(await cramped(net, 4096, '"$@" init --shm=a'))).toMatch(
        /^nfqlb init: shared memory a: \/dev\/shm has no room for its \d+ octets \(ENOSPC\)$/,
      );
      // A load balancer needs its table, and does without the rest. What changes the table needs no more room.
      await net.lb.queue('2');
      const fill = 'head -c 9M /dev/zero >/dev/shm/b 2>/dev/null || true';
      const script = `"$@" init --shm=a; "$@" activate --shm=a 101; ${fill}; "$@" activate --shm=a 102; exec "$@" lb --tshm=a`;
      await using lb = await cramped(net, 1 << 20, script);
      await lb.waitForOutput(/listening on queue 2, table a .*2 targets/, 20_000);
      const warnings = lb.stderr.split('\n').filter((line) => line.startsWith('nfqlb lb: warning'));
      expect(warnings).toHaveLength(2);
      for (const line of warnings) expect(line).toMatch(/\/dev\/shm has no room for its \d+ octets \(ENOSPC\)/);
    });

    test('few descriptors: with 40 commands work, with 64 a load balancer; with fewer it says so', async () => {
      await using net = await Topology.create({ targets: 1 });
      const table = net.sharedMemory('few');
      const few = (descriptors: number, ...args: readonly string[]): Promise<Running> =>
        net.lb.spawn([`prlimit`, `--nofile=${descriptors}`, 'env', `NFQLB_TRACE_SHM=${table}-t`, ...NFQLB.command, ...args]);
      for (const args of [['init'], ['activate', '101'], ['show']]) {
        await using command = await few(40, args[0]!, `--shm=${table}`, ...args.slice(1));
        expect([(await command.exited).status, command.stderr]).toEqual([0, '']);
      }
      expect(await refusal(await few(28, 'lb', `--tshm=${table}`, '--queue=9'))).toMatch(
        /^nfqlb: .*\.js: too many open files \(ulimit -n\)$/,
      );
      await using lb = await few(64, 'lb', `--tshm=${table}`, `--ft_shm=${table}-f`, '--queue=9', '--metrics=127.0.0.1:9913');
      await lb.waitForOutput(/listening on queue 9/, 20_000);
      // Clients that take all the rest do not end it, and are served again when there is room.
      const many =
        "const n = require('node:net'); for (let i = 0; i < 200; i++) n.connect(9913, '127.0.0.1').on('error', () => {}); setInterval(() => {}, 1000); setTimeout(() => console.log('ready'), 500)";
      const clients = await net.lb.spawn([process.execPath, '-e', many]);
      await clients.waitForOutput(/ready/, 10_000);
      expect(lb.ended).toBe(false);
      await clients.stop('SIGKILL');
      const answer = async (): Promise<number> =>
        (await httpGet(net.lb, 'http://127.0.0.1:9913/metrics').catch(() => ({ status: 0 }))).status;
      await expect.poll(answer, { timeout: 15_000 }).toBe(200);
    });

    test('the tun device is removed: whole packets go on', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      await net.lb.ip('tuntap add mode tun name gone0');
      await net.lb.ip('link set gone0 mtu 1500 up');
      await using lb = await LoadBalancer.start(net, { options: ['--tun=gone0'] });
      const { lost } = await observe(net, 'the tun device removed', async () => {
        await net.lb.ip('link del gone0');
      });
      expect(lost).toBe(0);
      expect(lb.process.ended).toBe(false);
    });
  },
  NFQLB,
);

/** Clients that do what they should not, at the metrics' address: `node -e … PORT`. They come again as soon as they are cut off. */
const HOSTILE = `
const { connect } = require('node:net');
function client(say) {
  const socket = connect(Number(process.argv[1]), '127.0.0.1');
  socket.on('error', () => {}).on('close', () => setTimeout(client, 20, say));
  say(socket);
}
for (let i = 0; i < 8; i++) {
  client(() => {});
  client((s) => { const t = setInterval(() => s.write('G'), 100); s.on('close', () => clearInterval(t)); });
  client((s) => s.pause().write('GET /metrics HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'.repeat(1000)));
  client((s) => s.write('GET / HTTP/1.1\\r\\n' + 'x'.repeat(100000)));
  client((s) => s.write('POST /metrics HTTP/1.1\\r\\nContent-Length: 999999999\\r\\n\\r\\n'));
  client((s) => s.write(require('node:crypto').randomBytes(5000)));
}
setTimeout(() => console.log('ready'), 300);
setInterval(() => {}, 1000);
`;

/** The same at the address for flow commands; 32, of eight kinds. */
const HOSTILE_TO_FLOWS = `
const { connect } = require('node:net');
const { randomBytes } = require('node:crypto');
function client(say) {
  const socket = connect({ port: Number(process.argv[1]), host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {}).on('close', () => setTimeout(client, 20, say));
  say(socket);
}
const slow = (s) => { const t = setInterval(() => s.write('a'), 100); s.on('close', () => clearInterval(t)); };
const endless = (s) => { const more = () => { while (!s.destroyed && s.write('name:' + 'x'.repeat(65536) + '\\n')); }; s.on('drain', more); more(); };
for (let i = 0; i < 4; i++) {
  client(() => {});
  client(slow);
  client(endless);
  client((s) => s.write(randomBytes(5000)));
  client((s) => s.end('action:set\\nname:half'));
  client((s) => s.pause().write('action:list\\neoc:\\n'));
  client((s) => s.write('action:set\\nname:' + 'x'.repeat(10 << 20)));
  client((s) => s.write('action:set\\nname:a\\ntarget:b\\ndports:' + '1,'.repeat(1 << 20) + '1\\neoc:\\n'));
}
setTimeout(() => console.log('ready'), 300);
setInterval(() => {}, 1000);
`;

/** 32 clients at a time that set, list and delete a flow of their own ten times: `node -e … PORT TABLE`. Says how many succeeded, and the longest time, ms. */
const HONEST = `
const { connect } = require('node:net');
const { text } = require('node:stream/consumers');
const [, port, table] = process.argv;
let carriedOut = 0;
let longest = 0;
async function command(fields, isRight) {
  const begin = performance.now();
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(fields.join('\\n') + '\\neoc:\\n');
  const reply = (await text(socket).catch(String)).replaceAll('\\0', '');
  longest = Math.max(longest, performance.now() - begin);
  if (isRight(reply)) carriedOut++;
  else console.error(fields.join(' ') + ': ' + reply);
}
const clients = Array.from({ length: 32 }, async (_, i) => {
  for (let turn = 0; turn < 10; turn++) {
    await command(['action:set', 'name:f' + i, 'target:' + table, 'protocols:sctp', 'dports:' + (i + 1)], (reply) => reply === 'OK');
    await command(['action:list', 'name:f' + i], (reply) => reply.includes('f' + i + '"'));
    await command(['action:delete', 'name:f' + i], (reply) => reply === 'OK');
  }
});
Promise.all(clients).then(() => console.log(JSON.stringify({ carriedOut, longest: Math.round(longest) })));
`;

describeLive(
  'hostile clients',
  () => {
    test('of /metrics, slow or malformed, 48 at a time: no packet is lost, others are served, and nothing stays behind', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      await using lb = await LoadBalancer.start(net, { options: ['--qlength=16384', '--metrics=127.0.0.1:9914'] });
      const served = async (): Promise<number> =>
        (await httpGet(net.lb, 'http://127.0.0.1:9914/healthz').catch(() => ({ status: 0 }))).status;
      await expect.poll(served).toBe(200);
      const attack = async (): Promise<void> => {
        await using clients = await net.lb.spawn([process.execPath, '-e', HOSTILE, '9914']);
        await clients.waitForOutput(/ready/, 10_000);
        // There is room for 32: an honest one gets its turn among them.
        await expect.poll(served, { timeout: 20_000 }).toBe(200);
        await sleep(2000);
        await clients.stop('SIGKILL');
      };
      await attack();
      const open = async (): Promise<number> => Number(await net.lb.run(['sh', '-c', 'ss -Htan state established sport = :9914 | wc -l']));
      await expect.poll(open, { timeout: 15_000 }).toBe(0);
      const before = await holdingsOf(lb);
      const { lost } = await observe(net, '48 hostile clients of /metrics', attack);
      expect(lost).toBe(0);
      await expect.poll(async () => (await holdingsOf(lb)).descriptors, { timeout: 15_000 }).toBeLessThanOrEqual(before.descriptors);
    });

    test('of the flow socket, 32 of 64: the others’ commands are carried out, and packets balanced', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using _servers = await EchoServers.start(net);
      await using lb = await startFlowLb(net, { flowAddress: FLOW_ADDRESS, options: ['--qlength=16384'] });
      const target = await tableOf(net, lb, 'table', ...net.targets);
      await lb.run('flow-set', '--name=all', `--target=${target}`);
      const port = FLOW_ADDRESS.split(':').at(-1)!;
      const before = await holdingsOf(lb);
      let commands: { carriedOut: number; longest: number } | undefined;
      const { lost } = await observe(net, '32 hostile and 32 honest clients of the flow socket', async () => {
        await using bad = await net.lb.spawn([process.execPath, '-e', HOSTILE_TO_FLOWS, port]);
        await bad.waitForOutput(/ready/, 10_000);
        commands = JSON.parse(await net.lb.run([process.execPath, '-e', HONEST, port, target]));
        expect(bad.ended).toBe(false);
        await bad.stop('SIGKILL');
      });
      expect(lost).toBe(0);
      expect(commands!.carriedOut).toBe(32 * 3 * 10);
      console.log(`the longest of ${commands!.carriedOut} flow commands took ${commands!.longest} ms`);
      // A client that says nothing is cut off after 3 s: no command waits for one.
      expect(commands!.longest).toBeLessThan(3000);
      expect(JSON.parse(await lb.run('flow-list-names'))).toEqual(['all']);
      await expect.poll(async () => (await holdingsOf(lb)).descriptors, { timeout: 15_000 }).toBeLessThanOrEqual(before.descriptors);
    });
  },
  NFQLB,
);
