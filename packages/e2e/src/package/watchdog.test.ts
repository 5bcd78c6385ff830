// What a load balancer tells the service manager that started it.

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inflict } from '../load-balancer/fault.js';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { Notifications } from './notifications.js';

/** Four signs of life in this period: one in 250 ms. */
const WATCHDOG = 'WATCHDOG_USEC=1000000';

const started = (net: Topology, told: Notifications, queue: string): Promise<LoadBalancer> =>
  LoadBalancer.start(net, { queue, env: [`NOTIFY_SOCKET=${told.address}`, WATCHDOG] });

describeLive(
  'a service manager',
  () => {
    test('is told when all queues are listened to, then that the load balancer is alive, and when it stops', async () => {
      await using net = await Topology.create();
      await using told = await Notifications.receive();
      await using lb = await started(net, told, '0:1');
      await told.waitFor(/^READY=1\nSTATUS=listening on queues 0 to 1, table .*\nWATCHDOG=1$/m);
      expect(await lb.queueStatus()).toHaveLength(2);
      const [before, start] = [told.signsOfLife, performance.now()];
      await sleep(2000);
      const elapsed = performance.now() - start;
      // The receiver of a busy machine may have been late for one.
      expect(told.signsOfLife - before).toBeLessThanOrEqual(elapsed / 250 + 2);
      expect(told.signsOfLife - before).toBeGreaterThanOrEqual(2);
      await lb.stop();
      expect(told.lines.slice(-2)).toEqual(['STOPPING=1', 'STATUS=stopping']);
      expect(told.lines.filter((line) => line === 'READY=1')).toHaveLength(1);
    });

    test('is told no more that the load balancer is alive once a worker is stuck, and again when it turns', async () => {
      await using net = await Topology.create();
      await using told = await Notifications.receive();
      await using lb = await started(net, told, '0:1');
      await told.waitFor(/^READY=1$/m);
      {
        await using _stuck = await inflict('hold-worker', lb);
        await told.waitFor(/^STATUS=not healthy: queue \d: its worker is stuck: no turn of its loop for 2\.0 s$/m);
        const before = told.signsOfLife;
        await sleep(2000);
        expect(told.signsOfLife).toBe(before);
      }
      await told.waitFor(/not healthy.*\n(.*\n)*STATUS=listening on queues 0 to 1, .*\nWATCHDOG=1$/m);
    });

    test('is not told that a stopped load balancer is alive', async () => {
      await using net = await Topology.create();
      await using told = await Notifications.receive();
      await using lb = await started(net, told, '2');
      await told.waitFor(/^READY=1$/m);
      lb.process.signal('SIGSTOP');
      await sleep(300);
      const before = told.lines.length;
      await sleep(2000);
      expect(told.lines).toHaveLength(before);
      lb.process.signal('SIGCONT');
      await sleep(1000);
      expect(told.signsOfLife).toBeGreaterThan(before - 2);
    });

    test('is not told that a load balancer is ready whose queue another program has', async () => {
      await using net = await Topology.create();
      await using told = await Notifications.receive();
      await using _first = await LoadBalancer.start(net);
      await using second = await net.lb.spawn([
        'env',
        `NOTIFY_SOCKET=${told.address}`,
        WATCHDOG,
        ...NFQLB.command,
        'flowlb',
        `--ft_shm=${net.sharedMemory('second')}`,
      ]);
      expect(await second.exited).toMatchObject({ status: 1 });
      expect(told.lines).toEqual([]);
    });
  },
  NFQLB,
  { python3: 'python3' },
);
