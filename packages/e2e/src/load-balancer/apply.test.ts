// The whole configuration from a file: `nfqlb apply`, `flowlb --config`.

import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { answering } from './application.js';
import { LoadBalancer } from './load-balancer.js';
import { NFQLB } from './program.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-apply-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a configuration and returns its path. */
function write(content: unknown, name = 'nfqlb.yaml'): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describeLive(
  'a configuration file',
  () => {
    test('is applied and changed under load: no packet is lost, and each goes where its flow leads', async () => {
      await using net = await Topology.create({ targets: 4 });
      await using lb = await LoadBalancer.start(net, { flows: true, targets: [], options: ['--qlength=16384'] });
      const [web, dns] = [net.sharedMemory('web'), net.sharedMemory('dns')];
      const marks = net.targets.map(({ fwmark }) => fwmark);
      const configuration = (others: number, priority: number): object => ({
        tables: { [web]: { targets: { [marks[0]!]: 1, [marks[1]!]: 1 } }, [dns]: { targets: { [marks[2]!]: 1, [marks[3]!]: others } } },
        flows: [
          { name: 'web', target: web, priority, protocols: ['udp'], dports: ['4000-5999'] },
          { name: 'rest', target: dns },
          ...Array.from({ length: 200 }, (_, i) => ({ name: `f${i}`, target: dns, priority, protocols: 'udp', dports: 10_000 + i })),
        ],
      });
      const first = await lb.run('apply', write(configuration(1, 1)));
      expect(first.split('\n')).toEqual(
        expect.arrayContaining([
          `nfqlb init --shm=${web} --M=997 --N=32`,
          `nfqlb activate --shm=${web} ${marks[0]} ${marks[1]}`,
          `nfqlb flow-set --name=web --target=${web} --prio=1 --protocols=udp --dports=4000-5999`,
        ]),
      );
      expect(await lb.run('apply', write(configuration(1, 1)))).toBe('nothing to change\n');

      await using receiver = await Receiver.start(net, { eachFlow: true, period: 200 });
      await using sender = await Sender.start(net, { rate: 20_000, sourceAddresses: 10, sourcePorts: 100 });
      for (let priority = 2; priority < 10; priority++) {
        const changes = await lb.run('apply', write(configuration(priority, priority)));
        expect(changes.trim().split('\n')).toHaveLength(202);
      }
      const sent = await sender.stop();
      const received = await receiver.finish();
      expect(sent.sent).toBeGreaterThan(20_000);
      expect(received).toMatchObject({ overflows: 0, splitFlows: 0, duplicates: 0 });
      expect(lost(received, sent)).toBe(0);
      expect(await net.lb.astray()).toBe(0);
      expect(JSON.parse(await lb.run('flow-list', '--name=web'))).toMatchObject({ matches_count: sent.sent });
    }, 60_000);

    test('that is rejected changes nothing, neither tables nor flows', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { flows: true, targets: [] });
      const web = net.sharedMemory('web');
      const [one, two] = net.targets.map(({ fwmark }) => fwmark);
      const flow = { name: 'web', target: web };
      await lb.run('apply', write({ tables: { [web]: { targets: { [one!]: 1 } } }, flows: [flow] }));
      const before = [await lb.run('show', `--shm=${web}`), await lb.run('flow-list')];
      const tables = { [web]: { targets: { [two!]: 1 } } };
      const refusal = (content: unknown, ...options: string[]): Promise<string> =>
        lb.run('apply', ...options, write(content)).then(
          () => 'none',
          (error: Error) => error.message,
        );
      expect(await refusal({ tables, flows: [flow, { name: 'b', target: 'nfqlb-none' }] })).toContain(
        'flow b: there is no table nfqlb-none, neither under tables nor in shared memory',
      );
      expect(await refusal({ tables, flows: [flow, { name: 'b', target: web, dports: [0] }] })).toMatch(
        /nfqlb\.yaml:1:\d+: dports "0": must be a port/,
      );
      expect(await refusal('tables: {')).toMatch(/nfqlb\.yaml:1:10: /);
      expect(await refusal({ tables, flows: [] }, '--dry-run')).toBe('none');
      expect([await lb.run('show', `--shm=${web}`), await lb.run('flow-list')]).toEqual(before);
      // Tables without flows need no running flowlb.
      await lb.stop();
      expect(await refusal({ tables, flows: [flow] })).toContain('nobody listens there in this network namespace; start nfqlb flowlb');
      expect(await lb.run('show', `--shm=${web}`)).toBe(before[0]);
      expect(await lb.run('apply', write({ tables }))).toBe(`nfqlb deactivate --shm=${web} ${one}\nnfqlb activate --shm=${web} ${two}\n`);
    });

    test('is watched when overwritten, renamed or behind a link; a bad one is reported once', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net, { flows: true, targets: [] });
      const web = net.sharedMemory('web');
      const named = (name: string): object => ({ tables: { [web]: {} }, flows: [{ name, target: web }] });
      const names = (): Promise<string> => lb.run('flow-list-names');
      symlinkSync(write(named('a'), 'a'), join(folder, 'link'));
      const command = [...NFQLB.command, 'apply', '--watch', join(folder, 'link')];
      await using watch = await net.lb.spawn(command);
      await expect.poll(names, { timeout: 10_000 }).toBe('["a"]\n');
      write(named('b'), 'a');
      await expect.poll(names, { timeout: 10_000 }).toBe('["b"]\n');
      symlinkSync(write(named('c'), 'c'), join(folder, 'next'));
      renameSync(join(folder, 'next'), join(folder, 'link'));
      await expect.poll(names, { timeout: 10_000 }).toBe('["c"]\n');
      write('flows: [', 'c');
      await expect.poll(() => watch.stderr).toContain('link:1:9:');
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(watch.stderr.split('\n')).toHaveLength(2);
      expect(await names()).toBe('["c"]\n');
      // A restarted load balancer gets its flows when the file changes or could not be applied before.
      write(named('d'), 'c');
      await expect.poll(names, { timeout: 10_000 }).toBe('["d"]\n');
      expect(await watch.stop('SIGTERM')).toEqual({ status: 0, signal: null });
    }, 60_000);

    test('gives a restarted load balancer its flows, and leaves the current targets', async () => {
      await using net = await Topology.create({ targets: 2 });
      const web = net.sharedMemory('web');
      const [one, two] = net.targets.map(({ fwmark }) => fwmark);
      const config = write({ tables: { [web]: { targets: { [one!]: 1, [two!]: 1 } } }, flows: [{ name: 'web', target: web }] });
      await using lb = await LoadBalancer.start(net, { flows: true, targets: [], options: [`--config=${config}`] });
      await EchoServers.start(net);
      const asked = async (): Promise<number[]> => answering(await ask(net, { protocol: 'udp', connections: 20 }));
      expect(await asked()).toEqual([1, 2]);
      expect(await lb.run('apply', config)).toBe('nothing to change\n');
      await lb.run('deactivate', `--shm=${web}`, String(one));
      await lb.kill();
      await lb.restart();
      expect(await asked()).toEqual([2]);
      expect(await lb.run('apply', config)).toBe(`nfqlb activate --shm=${web} ${one}\n`);
      await lb.stop();
      write({ flows: [{ name: 'web', target: 'nfqlb-none' }] });
      await expect(lb.restart()).rejects.toThrow('flow web: there is no table nfqlb-none');
    });
  },
  NFQLB,
);
