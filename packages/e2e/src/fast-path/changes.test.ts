// The fast path while things change under load: targets, flows, the load balancer itself, its interfaces.

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startFlowLb, tableOf } from '../load-balancer/application.js';
import { httpGet, scrape } from '../load-balancer/http.js';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { describeFastPath } from '../testing/describe-fast-path.js';
import { Topology } from '../topology/topology.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { fastPathOf } from './fast-path-status.js';
import { takeOutAndBackIn } from './table-changes.js';

/** For the few packets that the kernel has under way when a command returns, in milliseconds. */
const UNDER_WAY_MS = 5;

/**
 * How many changes of targets, and how often the load balancer is killed. Both are few for a run of all tests; docs/fast-path.md has the command
 * for many.
 */
const CHANGES = Number(process.env.NFQLB_TEST_CHANGES ?? 400);
const KILLS = Number(process.env.NFQLB_TEST_KILLS ?? 5);

const LOAD = { rate: 10_000, sourceAddresses: 10, sourcePorts: 100 } as const;

describeFastPath('the fast path under load', () => {
  test.each([
    [`${CHANGES} changes of targets`, true, CHANGES / 2, 10, 5],
    ['40 by a program that gives no notice, such as C nfqlb', false, 20, 40, 25],
  ] as const)(
    '%s: no packet is lost, none goes to a target that is not active, each takes effect in milliseconds',
    async (_, notice, times, lasts, median) => {
      const middle = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[times / 2]!;
      await using net = await Topology.create({ targets: 4 });
      // Target 3 is never active.
      await using lb = await LoadBalancer.start(net, { fast: true, targets: [net.target(1), net.target(2), net.target(4)] });
      await using receiver = await Receiver.start(net, { period: 200 });
      await using sender = await Sender.start(net, LOAD);
      const changes = await takeOutAndBackIn(lb, net.target(4), times, { lasts, notice });
      const sent = await sender.stop();
      const received = await receiver.finish();
      expect(received.overflows).toBe(0);
      expect(lost(received, sent)).toBe(0);
      expect(received.byTarget[2]).toBe(0);
      // One may take longer, where the load balancer has to wait for a CPU.
      expect(middle(changes.map(({ out }) => out))).toBeLessThan(median);
      expect(middle(changes.map(({ back }) => back))).toBeLessThan(median);
      expect(await net.lb.astray()).toBe(0);
      expect(await fastPathOf(lb)).toMatchObject({ kernel: sent.sent, queue: 0 });
    },
    120_000 + 50 * CHANGES,
  );

  test(
    `killed and restarted ${KILLS} times: no whole packet is lost, and targets can be changed again`,
    async () => {
      await using net = await Topology.create({ targets: 4 });
      await using lb = await LoadBalancer.start(net, { fast: true });
      await using receiver = await Receiver.start(net, { period: 200 });
      await using sender = await Sender.start(net, LOAD);
      for (let i = 0; i < KILLS; i++) {
        await sleep(100);
        await lb.kill();
        await sleep(200);
        await lb.restart();
        expect(lb.process.stderr).toContain('taken over from an earlier program');
      }
      const sent = await sender.stop();
      const received = await receiver.finish();
      expect(received).toMatchObject({ overflows: 0, splitFlows: 0 });
      expect(lost(received, sent)).toBe(0);
      expect(await net.lb.astray()).toBe(0);
      await lb.deactivate(net.target(1), net.target(2), net.target(3));
      await using after = await Receiver.start(net);
      await using probe = await Sender.start(net, { count: 200, rate: 4000 });
      await probe.finish();
      expect((await after.finish()).byTarget).toEqual([0, 0, 0, 200]);
    },
    180_000 + 20_000 * KILLS,
  );

  test('ended by SIGTERM it removes its program; with --keep it leaves it', async () => {
    await using net = await Topology.create({ targets: 2 });
    await using lb = await LoadBalancer.start(net, { fast: true, options: ['--keep'] });
    const arrivals = async (): Promise<number> => {
      await using receiver = await Receiver.start(net);
      await using sender = await Sender.start(net, { count: 200, rate: 4000 });
      await sender.finish();
      return (await receiver.finish()).distinct;
    };
    await lb.stop();
    expect(await arrivals()).toBe(200);
    await using other = await LoadBalancer.start(net, { fast: true, queue: '3' });
    expect(other.process.stderr).toContain('client: taken over from an earlier program');
    await other.stop();
    expect(await arrivals()).toBe(0);
  });

  test('a deleted interface that comes back is decided at again', async () => {
    await using net = await Topology.create({ targets: 1 });
    await using lb = await LoadBalancer.start(net, { fast: true, options: ['--metrics=127.0.0.1:9911'] });
    await net.lb.ip('link delete client');
    await lb.process.waitForOutput(/client: there is no interface client/);
    expect((await fastPathOf(lb)).interfaces).toContainEqual(expect.objectContaining({ name: 'client', state: 'missing' }));
    const { status, text } = await httpGet(net.lb, 'http://127.0.0.1:9911/healthz');
    expect(text).toMatch(/^healthy\nwarning: fast path: client: there is no interface client/);
    expect(status).toBe(200);
    const attached = async (): Promise<number | undefined> =>
      (await scrape(net.lb, '127.0.0.1:9911')).get('nfqlb_fast_path_attached{interface="client"}');
    expect(await attached()).toBe(0);
    await net.lb.ip('link add name client type veth peer name other');
    await lb.process.waitForOutput(/client: there is no interface client[\s\S]*client: attached/);
    expect((await fastPathOf(lb)).interfaces).toContainEqual({ name: 'client', state: 'attached', by: 'tcx' });
    expect(await attached()).toBe(1);
  });

  test('a flow command is answered when the kernel decides by it', async () => {
    await using net = await Topology.create({ targets: 2 });
    await using lb = await startFlowLb(net, { fast: true });
    const [one, two] = [await tableOf(net, lb, 'one', net.target(1)), await tableOf(net, lb, 'two', net.target(2))];
    await lb.run('flow-set', '--name=a', `--target=${one}`, '--protocols=udp', '--dports=5000');
    await using receiver = await Receiver.start(net, { period: 200 });
    await using sender = await Sender.start(net, LOAD);
    for (const [table, target] of [
      [two, 't2'],
      [one, 't1'],
      [two, 't2'],
    ] as const) {
      await lb.run('flow-set', '--name=a', `--target=${table}`, '--protocols=udp', '--dports=5000');
      await sleep(UNDER_WAY_MS);
      const other = target === 't1' ? 't2' : 't1';
      const before = (await net.lb.counts(other)).sent;
      await sleep(50);
      expect((await net.lb.counts(other)).sent).toBe(before);
    }
    const sent = await sender.stop();
    expect(lost(await receiver.finish(), sent)).toBe(0);
    const [flow] = JSON.parse(await lb.run('flow-list')) as { matches_count: number; left_to_queue?: string }[];
    expect(flow).toMatchObject({ matches_count: sent.sent });
    expect(flow!.left_to_queue).toBeUndefined();

    await lb.run('flow-set', '--name=b', `--target=${one}`, '--protocols=udp', '--dports=5001', '--match=udp[4:2] = 100');
    expect(JSON.parse(await lb.run('flow-list', '--name=b'))).toMatchObject({ left_to_queue: 'match' });
    expect(lb.process.stderr).toContain('packets of these flows go through the queue, or some of them: b (it has a byte match)');
  });
});
