import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { LoadBalancer } from './load-balancer.js';
import { C_NFQLB, NFQLB, type Program } from './program.js';

const families = [4, 6] as const;
const programs: readonly Program[] = C_NFQLB ? [NFQLB, C_NFQLB] : [NFQLB];

for (const program of programs) {
  describeLive(
    `the load balancer ${program.name}`,
    () => {
      test.each(['dsr', 'nat'] as const)('balances connections to targets, with %s', async (mode) => {
        await using net = await Topology.create({ targets: 4, mode });
        await using _echo = await EchoServers.start(net);
        await using lb = await LoadBalancer.start(net, { program });
        for (const family of families) {
          for (const protocol of ['udp', 'tcp'] as const) {
            const answers = await ask(net, { family, protocol, connections: 40, repeat: 3 });
            expect(answers).toMatchObject({ answered: 120, broken: 0, moved: 0 });
            expect(answers.byTarget.filter((count) => count > 0)).toHaveLength(4);
          }
        }
        expect(await net.lb.astray()).toBe(0);
        expect(await lb.queueStatus()).toMatchObject([{ queue: 2, queueDropped: 0, userDropped: 0 }]);
      });

      test('activates and deactivates targets, and keeps them after kill -9', async () => {
        await using net = await Topology.create({ targets: 3 });
        await using lb = await LoadBalancer.start(net, { program, targets: [net.target(1)] });
        const byTarget = async (): Promise<boolean[]> => {
          await using receiver = await Receiver.start(net);
          await using sender = await Sender.start(net, { count: 1000, rate: 20_000 });
          const sent = await sender.finish();
          const received = await receiver.finish();
          expect(lost(received, sent)).toBe(0);
          return received.byTarget.map((count) => count > 0);
        };
        expect(await byTarget()).toEqual([true, false, false]);
        await lb.activate(net.target(2), net.target(3));
        expect(await byTarget()).toEqual([true, true, true]);
        await lb.deactivate(net.target(1));
        expect(await byTarget()).toEqual([false, true, true]);
        await lb.kill();
        expect(await lb.queueStatus()).toEqual([]);
        await lb.restart();
        expect(await byTarget()).toEqual([false, true, true]);
      });

      test('listens on several queues', async () => {
        await using net = await Topology.create({ targets: 2 });
        await using lb = await LoadBalancer.start(net, { program, queue: '0:3' });
        await using receiver = await Receiver.start(net);
        // The kernel selects the queue by addresses only.
        await using sender = await Sender.start(net, { count: 4000, rate: 20_000, sourceAddresses: 100, sourcePorts: 2 });
        const sent = await sender.finish();
        const received = await receiver.finish();
        expect(lost(received, sent)).toBe(0);
        expect(received).toMatchObject({ flows: 200, splitFlows: 0 });
        const queues = await lb.queueStatus();
        expect(queues.map(({ queue }) => queue)).toEqual([0, 1, 2, 3]);
        for (const { lastId } of queues) expect(lastId).toBeGreaterThan(200);
      });
    },
    program,
  );
}
