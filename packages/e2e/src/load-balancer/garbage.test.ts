// A worker allocates nothing per packet or batch, so the engine has nothing to collect while packets arrive.

import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { Sender } from '../traffic/sender.js';
import { LoadBalancer } from './load-balancer.js';
import { NFQLB, type Program } from './program.js';

/** Reports garbage collections, with the smallest young generation, 1 MiB: an object of 28 octets per batch fills it in 37,450 batches. */
const TRACED: Program = { name: 'traced', command: NFQLB.command.toSpliced(1, 0, '--trace-gc', '--max-semi-space-size=1') };

/** Time from thread start in which its code is compiled, which allocates memory, ms. */
const WARM_UP_MS = 3000;

/** After the warm-up, so that such an object would show. On a busy machine batches are fewer and larger. */
const BATCHES = 45_000;

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
      const started = performance.now();
      await using sender = await Sender.start(net, { rate: 40_000, seconds: 20 });
      await sender.finish();
      // In a thread's own time it is later than that, since it started before; what it collects at its end does not count.
      const finished = performance.now() - started;
      const { process } = lb;
      await lb.stop();
      // Read at the end, since the output is buffered.
      const [main, worker, ...others] = collections(process.stdout);
      expect([main!.length > 0, worker!.length > 0, others.length]).toEqual([true, true, 0]);
      expect(worker!.filter((time) => time > WARM_UP_MS && time < finished)).toEqual([]);
      const batches = Number(/in (\d+) batches/.exec(process.stderr)![1]);
      expect((batches * (finished - WARM_UP_MS)) / finished).toBeGreaterThan(BATCHES);
    });
  },
  NFQLB,
);
