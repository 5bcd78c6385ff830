// The load balancer's log and its log level.

import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { LoadBalancer } from './load-balancer.js';
import { NFQLB } from './program.js';

describeLive(
  'the log',
  () => {
    test('follows changes of the log level at run time', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net);
      await lb.process.waitForOutput(/listening on queue 2/);
      expect(await lb.run('loglevel', '4')).toBe('loglevel=4\n');
      await lb.run('init', `--shm=${lb.table}`);
      await lb.run('delete', `--shm=${lb.table}`);
      await lb.process.waitForOutput(/^nfqlb lb: warning: table .* was deleted/m);
      expect(lb.process.stderr).not.toContain('was replaced');
      await lb.run('loglevel', '5');
      await lb.run('init', `--shm=${lb.table}`);
      await lb.process.waitForOutput(/^nfqlb lb: table .* was replaced; using the new one/m);
    });

    test('is JSON lines if requested; nothing is lost at exit', async () => {
      await using net = await Topology.create({ targets: 1 });
      const before = Date.now() - 100;
      await using lb = await LoadBalancer.start(net, { options: ['--log-format=json'] });
      const { process } = lb;
      await lb.stop();
      const lines = process.stderr
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(lines.map(({ level, name }) => [level, name])).toEqual([
        ['notice', 'nfqlb lb'],
        ['notice', 'nfqlb lb'],
      ]);
      expect(lines[0]!.msg).toMatch(/^listening on queue 2, table /);
      expect(lines[1]!.msg).toMatch(/^stopped: 0 packets/);
      const time = Date.parse(String(lines[1]!.time));
      expect(time).toBeGreaterThan(before);
      expect(time).toBeLessThan(Date.now() + 100);
    });
  },
  NFQLB,
);
