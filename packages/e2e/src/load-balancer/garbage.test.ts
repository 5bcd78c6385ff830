// A worker allocates nothing for a packet, nor for a batch: the engine has nothing to collect while packets come.

import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { Sender } from '../traffic/sender.js';
import { LoadBalancer } from './load-balancer.js';
import { NFQLB, type Program } from './program.js';

/** Says when it collects garbage; with the least room for what is new, 1 MiB: an object of 28 octets a batch was seen to fill it three times. */
const TRACED: Program = { name: 'traced', command: NFQLB.command.toSpliced(1, 0, '--trace-gc', '--max-semi-space-size=1') };

/** How long its code is compiled, which takes memory; from the beginning of its thread, in milliseconds. */
const WARM_UP = 3000;

/** When each thread has collected what is young, by its isolate; the main thread begins, and is first. In milliseconds of its life. */
function collections(output: string): number[][] {
  const times = new Map<string, number[]>();
  for (const [, isolate, time, what] of output.matchAll(/^\[\d+:(0x[0-9a-f]+)\] +(\d+) ms: (\w+)/gm)) {
    if (!times.has(isolate!)) times.set(isolate!, []);
    if (what === 'Scavenge') times.get(isolate!)!.push(Number(time));
  }
  return [...times.values()];
}

describeLive(
  'garbage',
  () => {
    test('is not made while packets come one by one', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net, { options: ['--linger=0', '--qlength=16384'], program: TRACED });
      await using sender = await Sender.start(net, { rate: 40_000, seconds: 6.5 });
      const { sent } = await sender.finish();
      const { process } = lb;
      await lb.stop();
      // It is told at the end: its output is buffered.
      const [main, worker, ...others] = collections(process.stdout);
      expect([main!.length > 0, worker!.length > 0, others.length]).toEqual([true, true, 0]);
      // One, for the end itself.
      expect(worker!.filter((time) => time > WARM_UP).length).toBeLessThanOrEqual(1);
      // Batches enough to tell. On a busy machine they are fewer and larger, and then an object a batch would show less.
      expect(Number(/in (\d+) batches/.exec(process.stderr)![1])).toBeGreaterThan(sent / 4);
    });
  },
  NFQLB,
);
