// Killed and started again at once: packets are lost until the queue is bound, which a new process does first. They wait until it decides them.

import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { LoadBalancer } from './load-balancer.js';
import { NFQLB } from './program.js';

const RATE = 20_000;
const RESTARTS = Number(process.env.NFQLB_TEST_RESTARTS ?? 2);

describeLive(
  'nfqlb lb',
  () => {
    test(
      `killed and started again ${RESTARTS} times: packets are lost for little longer than a program takes to start`,
      async () => {
        await using net = await Topology.create({ targets: 2 });
        await using lb = await LoadBalancer.start(net);
        const gaps: number[] = [];
        const starts: number[] = [];
        for (let i = 0; i < RESTARTS; i++) {
          await using receiver = await Receiver.start(net);
          await using sender = await Sender.start(net, { rate: RATE, sourceAddresses: 10, sourcePorts: 10 });
          await lb.kill();
          const begin = performance.now();
          await lb.restart();
          starts.push((performance.now() - begin) / 1000);
          const sent = await sender.stop();
          const received = await receiver.finish();
          expect(received.splitFlows).toBe(0);
          gaps.push(lost(received, sent) / RATE);
        }
        const lostOf = (gap: number, i: number): string => `${(1000 * gap).toFixed(0)} of ${(1000 * starts[i]!).toFixed(0)}`;
        console.log(`ms of packets lost, of those until it was ready: ${gaps.map(lostOf).join(', ')}`);
        // A worker that bound its queue itself would do so just before all is ready.
        expect(Math.min(...gaps.map((gap, i) => gap / starts[i]!))).toBeLessThan(0.85);
        // 0.1 s on an idle machine.
        for (const gap of gaps) expect(gap).toBeLessThan(0.5);
      },
      60_000 + 10_000 * RESTARTS,
    );
  },
  NFQLB,
);
