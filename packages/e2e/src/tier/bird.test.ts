// A tier as docs/tier.md has it, with BIRD: load balancers that are drained, killed, hang, vanish and come back, under 500 TCP connections.

import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { startBird } from './bird.js';
import { HeldConnections, type HeldReport } from './held-connections.js';
import { PORT, TierNetwork, VIPS } from './tier-network.js';

const CONNECTIONS = 500;
/** Seconds. In the worst case a target dies just after a check, and the last check of those that fail takes all of its time. */
const HEALTH = { type: 'tcp', port: PORT, interval: 1, timeout: 0.1, jitter: 0, fall: 3, rise: 1 };
/** After which BFD says that a neighbour is gone: 3 × 100 ms. */
const BFD_MS = 300;
/** Without a sign of life from its main thread, a load balancer is killed. */
const HUNG_MS = 5000;

const sum = (counts: HeldReport['open']): number => Object.values(counts).reduce((total, count) => total + count, 0);

describeLive(
  'a tier with BIRD',
  () => {
    test('no connection breaks when a load balancer is drained, killed, hangs or vanishes, and only those of a target that dies', async () => {
      await using net = await TierNetwork.create();
      await using _servers = await net.serve();
      const configuration = net.configuration({ health: HEALTH });
      const hosts = ['lb1', 'lb2', 'lb3'] as const;
      await Promise.all([
        ...net.members.map((member) => member.start(configuration)),
        startBird(net, 'router'),
        ...hosts.map((host) => startBird(net, host)),
      ]);
      const all = net.members.map(({ address }) => address);
      const without = (i: number): string[] => all.filter((_, other) => other !== i);
      await net.untilHops(all);
      await expect.poll(() => net.nextHops(6), { timeout: 20_000 }).toHaveLength(3);
      const [one, two, three] = net.members as [(typeof net.members)[0], (typeof net.members)[0], (typeof net.members)[0]];

      await using held = await HeldConnections.start(net.client, {
        to: VIPS[4],
        port: PORT,
        connections: CONNECTIONS,
        interval: 500,
        timeout: 20_000,
      });
      const figures: Record<string, number> = {};
      /** All connections go on, with the targets that they had. */
      const unbroken = async (what: string): Promise<void> => {
        const report = await held.settled();
        figures[`${what}: longest wait for an answer`] = report.longestMs;
        expect(report, what).toMatchObject({ broken: {}, moved: 0 });
        expect(sum(report.open)).toBe(CONNECTIONS);
      };
      await unbroken('undisturbed');

      let since = performance.now();
      expect(await one.nfqlb('announce', 'drain')).toBe(`${VIPS[4]}/32 withdrawn: drained\n${VIPS[6]}/128 withdrawn: drained\n`);
      figures.drained = await net.untilHops(without(0), since);
      await unbroken('drained');
      since = performance.now();
      await one.nfqlb('announce', 'resume');
      figures.resumed = await net.untilHops(all, since);
      await unbroken('resumed');

      since = performance.now();
      two.process.signal('SIGKILL');
      figures.killed = await net.untilHops(without(1), since);
      expect(figures.killed).toBeLessThan(1000);
      await unbroken('killed');
      await two.start(configuration);
      figures['killed, started again'] = await net.untilHops(all);
      await unbroken('killed, started again');

      since = performance.now();
      three.process.signal('SIGSTOP');
      figures.stopped = await net.untilHops(without(2), since);
      expect(figures.stopped).toBeLessThan(HUNG_MS + 1000);
      expect(await three.process.exited).toMatchObject({ signal: 'SIGKILL' });
      await unbroken('stopped');
      await three.start(configuration);
      await net.untilHops(all);

      since = performance.now();
      await net.cutOff('lb1');
      figures['cut off'] = await net.untilHops(without(0), since);
      expect(figures['cut off']).toBeLessThan(BFD_MS + 1000);
      await unbroken('cut off');
      await net.connect('lb1');
      figures['connected again'] = await net.untilHops(all);
      await unbroken('connected again');

      const { open: before } = await held.report();
      const dead = before['5']!;
      since = performance.now();
      await net.cutOff('t5');
      const seen = await Promise.all(
        net.members.map(async ({ process }) => {
          await process.waitForOutput(/target 105 is taken out/, 10_000);
          return Math.round(performance.now() - since);
        }),
      );
      figures['target dead, out of all tables'] = Math.max(...seen);
      expect(Math.max(...seen)).toBeLessThan((HEALTH.fall * HEALTH.interval + 0.2) * 1000);
      await expect.poll(async () => (await held.report()).broken, { timeout: 30_000 }).toEqual({ 5: dead });
      const last = await held.settled();
      expect(last).toMatchObject({ moved: 0, broken: { 5: dead } });
      expect(sum(last.open)).toBe(CONNECTIONS - dead);
      await using anew = await HeldConnections.start(net.client, {
        to: VIPS[4],
        port: PORT,
        connections: 100,
        interval: 200,
        timeout: 5000,
      });
      expect(Object.keys((await anew.settled()).open)).toEqual(['1', '2', '3', '4']);

      // After SIGTERM packets are balanced until routers have heard of it.
      one.process.signal('SIGTERM');
      await net.untilHops(without(0));
      expect(one.process.ended).toBe(false);
      expect(await one.process.exited).toEqual({ status: 0, signal: null });
      expect(await held.settled()).toMatchObject({ moved: 0, broken: { 5: dead } });
      console.log(`a tier with BIRD, in ms: ${JSON.stringify(figures)}`);
    }, 120_000);
  },
  undefined,
  { bird: 'bird2', unshare: 'util-linux' },
);
