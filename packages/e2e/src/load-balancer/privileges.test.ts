// What root's load balancers may do while they run: in each of their threads, with traffic, changes, the fast path, takeovers, and `run` with a changed file.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { fastPathOf } from '../fast-path/fast-path-status.js';
import { onlyThese, privilegesOf, threadsOf } from '../processes/privileges.js';
import { run } from '../processes/running.js';
import { Site, targetOf } from '../run/site.js';
import { doctor } from '../setup/examination.js';
import { makeBare } from '../setup/router.js';
import { describeFastPath } from '../testing/describe-fast-path.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { deliver } from '../traffic/delivery.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { answering } from './application.js';
import { httpGet } from './http.js';
import { LoadBalancer } from './load-balancer.js';
import { NFQLB } from './program.js';

const ADMIN = onlyThese('CAP_NET_ADMIN');
const FAST = onlyThese('CAP_NET_ADMIN', 'CAP_PERFMON', 'CAP_BPF');
const RUN = onlyThese('CAP_NET_ADMIN', 'CAP_NET_RAW');

/** Targets that got some of 400 datagrams. */
async function reached(net: Topology, family: 4 | 6): Promise<number[]> {
  const { byTarget } = await deliver(net, { family, rate: 2000, count: 400 });
  return byTarget.flatMap((packets, i) => (packets > 0 ? [i + 1] : []));
}

describeLive(
  'root’s load balancer',
  () => {
    test.each(['lb', 'flowlb'] as const)('%s keeps CAP_NET_ADMIN alone', { timeout: 90_000 }, async (command) => {
      await using net = await Topology.create({ targets: 3 });
      const flows = command === 'flowlb';
      await using lb = await LoadBalancer.start(net, { flows, queue: '0:3', options: ['--tun=nfqlb0', '--metrics=127.0.0.1:80'] });
      if (flows) await lb.run('flow-set', '--name=all', `--target=${lb.table}`);
      // A worker for each of the four queues, and the main thread with Node's own.
      expect(threadsOf(lb.process.pid)).toBeGreaterThan(12);
      for (const round of ['at first', 'after a takeover']) {
        const { pid } = lb.process;
        expect(privilegesOf(pid), round).toEqual(ADMIN);
        for (const family of [4, 6] as const) expect(await reached(net, family)).toEqual([1, 2, 3]);
        await lb.deactivate(net.target(2));
        await expect.poll(() => reached(net, 4), { timeout: 10_000 }).toEqual([1, 3]);
        await lb.activate(net.target(2));
        await expect.poll(() => reached(net, 4), { timeout: 10_000 }).toEqual([1, 2, 3]);
        // Its port is one of those that only root may open, and it did when it still could.
        expect((await httpGet(net.lb, 'http://127.0.0.1:80/healthz')).text).toBe('healthy\n');
        if (flows) {
          await lb.run('flow-set', '--name=more', `--target=${lb.table}`, '--dports=80');
          await lb.run('flow-delete', '--name=more');
        }
        expect((await doctor(net.lb)).says.get('privileges')).toBe(
          `ok: the load balancer of queue 0 (${command}) has CAP_NET_ADMIN, and can gain none`,
        );
        expect(lb.process.stderr).not.toContain('capabilities');
        expect(privilegesOf(pid), round).toEqual(ADMIN);
        if (round === 'at first') await lb.takeOver();
      }
    });

    test('run keeps CAP_NET_RAW, too: it makes rules, checks, routes and follows its file, also in the background', {
      timeout: 120_000,
    }, async () => {
      await using net = await Topology.create({ targets: 2 });
      await makeBare(net);
      await using _servers = await EchoServers.start(net);
      const web = net.sharedMemory('web');
      await using site = new Site(net);
      const [one, two] = net.targets.map((target) => targetOf(net, target)) as [object, object];
      const seen = `${site.folder}/seen`;
      const write = (...targets: readonly object[]): void => {
        const health = { type: 'icmp', interval: 1 };
        const vips = [`${net.vip4}/32`, `${net.vip6}/128`];
        site.write({ tables: { [web]: { mode: 'dsr', vips, announce: true, health, targets } }, options: { queue: '0:1' } });
      };
      const answers = async (expected: readonly number[]): Promise<void> => {
        for (const family of [4, 6] as const) {
          const asked = await ask(net, { family, protocol: 'tcp', connections: 40, timeout: 5000 });
          expect(asked).toMatchObject({ answered: 40, broken: 0 });
          expect(answering(asked)).toEqual(expected);
        }
      };
      const states = async (): Promise<string[]> =>
        JSON.parse(await site.run('run', '--status', '--json')).tables[0].targets.map(
          ({ fwmark, state }: { fwmark: number; state: string }) => `${fwmark} ${state}`,
        );
      const up = (...numbers: readonly number[]): string[] => numbers.map((number) => `${net.target(number).fwmark} up`);
      write(one);
      await site.start();
      await answers([1]);
      expect(privilegesOf(site.process.pid)).toEqual(RUN);
      // Rules and routes for another target, and a check that is a program: it cannot have more than what starts it.
      write(one, { ...two, health: { type: 'exec', command: ['sh', '-c', `cat /proc/self/status >${seen}`], interval: 1 } });
      await expect.poll(states, { timeout: 20_000 }).toEqual(up(1, 2));
      await answers([1, 2]);
      expect(readFileSync(seen, 'utf8')).toMatch(/^CapPrm:\t0000000000003000$/m);
      // Rules that somebody takes away are made again: not just while it takes away the ways that nobody needs any more.
      await sleep(4000);
      await net.lb.iptables(4, '-t mangle -F');
      await expect.poll(() => net.lb.run(['iptables', '-t', 'mangle', '-S']), { timeout: 20_000 }).toContain('NFQUEUE');
      await answers([1, 2]);
      expect(privilegesOf(site.process.pid)).toEqual(RUN);
      await site.takeOver();
      write(two);
      await expect.poll(states, { timeout: 20_000 }).toEqual(up(2));
      await answers([2]);
      expect(privilegesOf(site.process.pid)).toEqual(RUN);
      // As in a reload: started by this one, it goes on when this one has ended.
      const shm = net.sharedMemory('run-background');
      const options = [`--config=${site.file}`, `--ft_shm=${shm}-fragments`, '--takeover', '--background'];
      const before = site.process;
      await site.run('run', ...options);
      expect((await before.exited).status).toBe(0);
      const { pid } = JSON.parse(await site.run('top', '--json', '--count=1', '--interval=0.2'));
      try {
        expect(privilegesOf(pid)).toEqual(RUN);
        write(one);
        await expect.poll(states, { timeout: 20_000 }).toEqual(up(1));
        await answers([1]);
        expect((await doctor(net.lb)).says.get('privileges')).toBe(
          'ok: the load balancer of queue 0 (run) has CAP_NET_ADMIN, CAP_NET_RAW, and can gain none',
        );
      } finally {
        await run(['kill', String(pid)]);
      }
    });
  },
  NFQLB,
);

describeFastPath('root’s load balancer with a fast path', () => {
  test('keeps what bpf(2) needs, and decides in the kernel, with changes and takeovers', { timeout: 90_000 }, async () => {
    await using net = await Topology.create({ targets: 3 });
    await using lb = await LoadBalancer.start(net, { fast: true, flows: true });
    await lb.run('flow-set', '--name=all', `--target=${lb.table}`);
    for (const round of ['at first', 'after a takeover']) {
      expect(privilegesOf(lb.process.pid), round).toEqual(FAST);
      const before = await fastPathOf(lb);
      for (const family of [4, 6] as const) expect(await reached(net, family)).toEqual([1, 2, 3]);
      // Loads another program.
      await lb.run('flow-set', '--name=more', `--target=${lb.table}`, '--dports=80');
      await lb.run('flow-delete', '--name=more');
      await lb.deactivate(net.target(2));
      await expect.poll(() => reached(net, 4), { timeout: 10_000 }).toEqual([1, 3]);
      await lb.activate(net.target(2));
      await expect.poll(() => reached(net, 4), { timeout: 10_000 }).toEqual([1, 2, 3]);
      const after = await fastPathOf(lb);
      expect(after.trouble).toBeUndefined();
      expect(after.kernel - before.kernel).toBeGreaterThan(1500);
      expect(privilegesOf(lb.process.pid), round).toEqual(FAST);
      if (round === 'at first') await lb.takeOver();
    }
  });
});
