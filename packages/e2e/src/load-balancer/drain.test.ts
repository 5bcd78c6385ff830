// Connections that talk all the time while targets change: `--drain` breaks none of them.

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { fastPathOf } from '../fast-path/fast-path-status.js';
import { describeFastPath } from '../testing/describe-fast-path.js';
import { describeLive } from '../testing/describe-live.js';
import type { Target } from '../topology/host.js';
import type { Mode } from '../topology/plan.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { type Answers, ask, Questions } from '../traffic/questions.js';
import { LoadBalancer, queuesAs } from './load-balancer.js';
import { NFQLB } from './program.js';

const CONNECTIONS = 2000;
const TARGETS = 30;
/** How long a new configuration is applied every 0.2 s, in seconds. */
const APPLY_S = Number(process.env.NFQLB_APPLY_SECONDS ?? 5);

interface Circumstances {
  readonly family: 4 | 6;
  readonly queues: 1 | 4;
  readonly fast?: boolean;
  readonly mode?: Mode;
}

/** A load balancer with three of thirty targets, and connections that ask all the time. */
async function talking(options: Circumstances, change: (net: Topology, lb: LoadBalancer) => Promise<void>): Promise<Answers> {
  await using net = await Topology.create({ targets: TARGETS, mode: options.mode ?? 'dsr' });
  await using lb = await LoadBalancer.start(net, {
    queue: queuesAs(options.queues),
    targets: net.targets.slice(0, 3),
    ...(options.fast && { fast: true }),
  });
  await using _echo = await EchoServers.start(net);
  await using questions = await Questions.start(net, {
    protocol: 'tcp',
    family: options.family,
    connections: CONNECTIONS,
    repeat: 0,
    timeout: 3000,
  });
  await connected(net);
  await change(net, lb);
  if (options.fast) {
    const { kernel, reasons } = await fastPathOf(lb);
    expect([kernel > CONNECTIONS, reasons.transition! > CONNECTIONS]).toEqual([true, true]);
  }
  // Each connection is asked once more.
  await sleep(2000);
  return await questions.stop();
}

/** Waits until all connections are established. */
async function connected(net: Topology): Promise<void> {
  for (;;) {
    const established = (await net.client.run(['ss', '-Htn', 'state', 'established'])).trimEnd().split('\n').length;
    if (established >= CONNECTIONS) return;
    await sleep(200);
  }
}

const fwmarks = (targets: readonly Target[]): string[] => targets.map(({ fwmark }) => String(fwmark));

/** From three targets to thirty, and back. */
async function scale(
  { targets }: Topology,
  lb: LoadBalancer,
  drain: number,
  between: () => Promise<void> = () => sleep(2000),
): Promise<void> {
  const others = fwmarks(targets.slice(3));
  await lb.run('activate', `--shm=${lb.table}`, `--drain=${drain}`, ...others);
  await between();
  await lb.run('deactivate', `--shm=${lb.table}`, `--drain=${drain}`, ...others);
}

/** What is shown of a transition, and that new connections use the new targets at once. */
async function expectTransition(net: Topology, lb: LoadBalancer, family: 4 | 6, targets: { from: number; to: number }): Promise<void> {
  expect(await lb.run('show', `--shm=${lb.table}`)).toMatch(/\n {3}In transition: \d+ of 997 buckets, \d+ s left/);
  const { byTarget, broken } = await ask(net, { protocol: 'tcp', family, connections: 60 });
  expect(broken).toBe(0);
  for (const [i, answers] of byTarget.entries()) if (i < targets.from || i >= targets.to) expect([i, answers]).toEqual([i, 0]);
  expect(byTarget.filter((answers) => answers > 0).length).toBeGreaterThan(targets.to - targets.from > 3 ? 10 : 2);
}

/** Tests that a drain breaks no connection. */
function drains(options: Circumstances): void {
  test('scaling, replacing ten targets one by one, changing weights, and a new configuration every 0.2 s', {
    timeout: 240_000,
  }, async () => {
    let applied = 0;
    const answers = await talking(options, async (net, lb) => {
      const [shm, drain] = [`--shm=${lb.table}`, '--drain=60'];
      await scale(net, lb, 60, () => expectTransition(net, lb, options.family, { from: 0, to: 30 }));
      await expectTransition(net, lb, options.family, { from: 0, to: 3 });
      for (let i = 0; i < 10; i++) {
        await lb.run('activate', shm, drain, ...fwmarks([net.target(i + 4)]));
        await lb.run('deactivate', shm, drain, ...fwmarks([net.target(i + 1)]));
      }
      await expectTransition(net, lb, options.family, { from: 10, to: 13 });
      for (const weight of [3, 0, 1]) await lb.run('activate', shm, drain, `--weight=${weight}`, ...fwmarks([net.target(11)]));
      const until = performance.now() + APPLY_S * 1000;
      while (performance.now() < until) {
        const next = performance.now() + 200;
        const some = net.targets.filter((_, target) => (target + applied) % 3 !== 0);
        const targets = Object.fromEntries(some.map(({ fwmark }) => [fwmark, 1 + (fwmark % 2)]));
        await lb.apply({ tables: { [lb.table]: { drain: 60, targets } } });
        applied++;
        await sleep(Math.max(0, next - performance.now()));
      }
    });
    console.log(`with a drain: ${answers.broken} of ${CONNECTIONS} connections broken; ${applied} configurations in ${APPLY_S} s`);
    expect(answers).toMatchObject({ broken: 0, moved: 0 });
    expect(answers.answered).toBeGreaterThan(2 * CONNECTIONS);
  });
}

describeLive(
  'connections that talk all the time, while targets change',
  () => {
    test('without a drain, many break', { timeout: 120_000 }, async () => {
      const { broken } = await talking({ family: 4, queues: 4 }, (net, lb) => scale(net, lb, 0));
      console.log(`3 -> 30 -> 3 targets without a drain: ${broken} of ${CONNECTIONS} connections broken`);
      expect(broken).toBeGreaterThan(CONNECTIONS / 2);
    });

    describe.each([
      { family: 4, queues: 1 },
      { family: 6, queues: 4 },
    ] as const)('with a drain, none breaks: IPv$family, queues: $queues', drains);

    test('with NAT and a drain, none breaks: IPv4, queues: 4', { timeout: 120_000 }, async () => {
      const answers = await talking({ family: 4, queues: 4, mode: 'nat' }, (net, lb) => scale(net, lb, 60));
      expect(answers).toMatchObject({ broken: 0, moved: 0 });
      expect(answers.answered).toBeGreaterThan(2 * CONNECTIONS);
    });
  },
  NFQLB,
);

describeFastPath('connections that talk all the time, while targets change, with the fast path: with a drain, none breaks', () =>
  drains({ family: 6, queues: 1, fast: true }),
);
