// A worker allocates nothing per packet or batch, so the engine has nothing to collect while packets arrive.

import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { Sender } from '../traffic/sender.js';
import { LoadBalancer } from './load-balancer.js';
import { NFQLB, type Program } from './program.js';

/** Reports garbage collections, with the smallest young generation, 1 MiB: an object of 28 octets per batch was seen to fill it three times. */
const TRACED: Program = { name: 'traced', command: NFQLB.command.toSpliced(1, 0, '--trace-gc', '--max-semi-space-size=1') };

/** Time from thread start in which its code is compiled, which allocates memory, ms. */
const WARM_UP_MS = 3000;

/** Times of young-generation collections of each thread (isolate), in ms since its start. The main thread is first. */
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
    test('is not produced while packets arrive one by one', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net, { options: ['--linger=0', '--qlength=16384'], program: TRACED });
      await using sender = await Sender.start(net, { rate: 40_000, seconds: 6.5 });
      const { sent } = await sender.finish();
      const { process } = lb;
      await lb.stop();
      // Read at the end, since the output is buffered.
      const [main, worker, ...others] = collections(process.stdout);
      expect([main!.length > 0, worker!.length > 0, others.length]).toEqual([true, true, 0]);
      // One is allowed, at exit.
      expect(worker!.filter((time) => time > WARM_UP_MS).length).toBeLessThanOrEqual(1);
      // Enough batches for the test to be meaningful. On a busy machine they are fewer and larger, and an object per batch would be less visible.
      expect(Number(/in (\d+) batches/.exec(process.stderr)![1])).toBeGreaterThan(sent / 4);
    });
  },
  NFQLB,
);
