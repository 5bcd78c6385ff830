// What may happen to a load balancer. After each: traffic is right again by itself, and nothing is left behind; or one line says what to do.
// docs/faults.md has the table; its figures are in build/faults.md after a run of this file on an idle machine.

import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { changeTable } from '@nfqlb/protocol/tables';
import { expect, test } from 'vitest';
import { inflict } from '../load-balancer/fault.js';
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
  },
  NFQLB,
);
