// What docs/operations.md says about restarts: in place packets are lost until the new process listens; by way of another queue none is.

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { makeBare, nfqlb, setUpOf } from '../setup/router.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { LoadBalancer } from './load-balancer.js';
import { NFQLB } from './program.js';

/** Packets/s: few enough that a busy machine loses none for lack of CPU time. */
const RATE = 1000;

/** Packets that are lost while `action` runs. */
async function lostDuring(net: Topology, family: 4 | 6, action: () => Promise<unknown>): Promise<number> {
  await using receiver = await Receiver.start(net);
  await using sender = await Sender.start(net, { family, rate: RATE, sourcePorts: 200 });
  await sleep(300);
  await action();
  await sleep(300);
  const sent = await sender.stop();
  expect(sent.sent).toBeGreaterThan(RATE / 2);
  return lost(await receiver.finish(), sent);
}

describeLive(
  'the program is replaced under load',
  () => {
    describe.each([4, 6] as const)('IPv%i', (family) => {
      test('by way of another queue: no packet is lost', async () => {
        await using net = await Topology.create({ targets: 3 });
        await using old = await LoadBalancer.start(net);
        await makeBare(net);
        await nfqlb(net.lb, 'up', ...setUpOf(net), '--queue=2');
        const missing = await lostDuring(net, family, async () => {
          const fresh = await old.spawn('lb', `--tshm=${old.table}`, '--queue=3', `--ft_shm=${net.sharedMemory('ft')}`);
          await fresh.waitForOutput(/listening on queue 3/, 20_000);
          await nfqlb(net.lb, 'up', ...setUpOf(net), '--queue=3');
          // The queue has its packets answered before the program ends.
          await old.stop();
        });
        expect(missing).toBe(0);
        expect(await net.lb.astray()).toBe(0);
        expect((await old.queueStatus()).map(({ queue }) => queue)).toEqual([3]);
      });

      test('in place: packets are lost meanwhile, and none goes astray', async () => {
        await using net = await Topology.create({ targets: 3 });
        await using lb = await LoadBalancer.start(net);
        const missing = await lostDuring(net, family, async () => {
          await lb.stop();
          await lb.restart();
        });
        expect(missing).toBeGreaterThan(0);
        expect(await net.lb.astray()).toBe(0);
        console.log(`restart in place: ${missing} packets of ${RATE}/s lost`);
      });
    });
  },
  NFQLB,
);
