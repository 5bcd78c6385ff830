// A takeover in which one of the two processes dies or hangs, right before or right after each word that they say: all cases, with real processes and packets.
// In each: no packet is answered twice, one process has the queue in the end, it answers all packets, and goes on with the counts of
// the one before, unless that has died without offering them. Only if the new one dies right after it has said that it is in charge, nobody may be left.

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { deliver } from '../traffic/delivery.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { LoadBalancer } from './load-balancer.js';
import { NFQLB } from './program.js';

const FAULT = fileURLToPath(new URL('../../faults/takeover-fault.mjs', import.meta.url));
const RATE = 500;
/** Packets before and after. */
const PACKETS = 300;
/** Longer than either waits for the other while packets wait (hand-over.ts). */
const HANG_MS = 1500;
/** How long a process may take to find out, and to end. */
const OUTCOME_MS = 15_000;

const WORDS = [
  ['request', 'new'],
  ['offer', 'old'],
  ['ready', 'new'],
  ['yours', 'old'],
  ['in-charge', 'new'],
  ['farewell', 'old'],
] as const;
const CASES = WORDS.flatMap(([word, who]) =>
  (['before', 'after'] as const).flatMap((when) =>
    (['die', 'hang'] as const).map((what) => [`the ${who} one: ${what} ${when} ${word}`, { word, who, when, what }] as const),
  ),
);

describeLive(
  'a takeover in which a process fails',
  () => {
    test.each(CASES)('%s', { timeout: 60_000 }, async (name, { word, who, when, what }) => {
      await using net = await Topology.create({ targets: 2 });
      const fault = ['env', `NODE_OPTIONS=--import=${FAULT}`, `NFQLB_TAKEOVER_FAULT=${word}:${when}:${what}`];
      await using lb = await LoadBalancer.start(net, { env: who === 'old' ? fault.slice(1) : [], options: ['--tun=nfqlb0'] });
      const old = lb.process;
      await deliver(net, { rate: 1000, count: PACKETS });
      await using receiver = await Receiver.start(net);
      await using sender = await Sender.start(net, { rate: RATE, sourcePorts: 100 });
      await using next = await lb.host.spawn([...(who === 'new' ? fault : []), ...lb.startCommand('--takeover')]);
      const failing = who === 'new' ? next : old;
      const other = who === 'new' ? old : next;
      await failing.waitForOutput(/^fault: /m, 20_000);
      if (what === 'hang') {
        await sleep(HANG_MS);
        failing.signal('SIGCONT');
      }
      // Whichever has the queue then says so; the other one ends.
      const until = Date.now() + OUTCOME_MS;
      const survivors = (): (typeof old)[] => [old, next].filter(({ ended }) => !ended);
      while (survivors().length > 1 && Date.now() < until) await sleep(20);
      if (word === 'in-charge' && when === 'after' && what === 'die') {
        // It was in charge. If the old one notices the death before it says farewell, it goes on; otherwise this is like the death of any load balancer, and
        // whoever is started next has the queue.
        while (!old.ended && !old.stderr.includes('this one goes on') && Date.now() < until) await sleep(20);
        if (old.ended) {
          expect((await old.exited).status).toBe(0);
          await sender.stop();
          await receiver.finish();
          await lb.restart();
          expect((await deliver(net, { rate: 1000, count: PACKETS })).distinct).toBe(PACKETS);
          return;
        }
      }
      expect({ survivors: survivors().length }).toEqual({ survivors: 1 });
      const [survivor] = survivors();
      if (what === 'die') expect(survivor).toBe(other);
      if (survivor === next) await next.waitForOutput(/: listening on queue/, OUTCOME_MS);
      const sent = await sender.stop();
      const received = await receiver.finish();
      expect({ duplicates: received.duplicates, split: received.splitFlows }).toEqual({ duplicates: 0, split: 0 });
      // Packets that wait may be lost when their process dies; others are late.
      const missing = lost(received, sent);
      const all = await deliver(net, { rate: 1000, count: PACKETS });
      expect({ served: all.distinct }).toEqual({ served: PACKETS });
      expect(await lb.queueStatus()).toHaveLength(1);
      console.log(`${name}: ${survivor === old ? 'old' : 'new'} goes on, ${missing} of ${sent.sent} lost`);
      await survivor!.stop();
      const [, counted] = /stopped: (\d+) packets/.exec(survivor!.stderr)!;
      // Without an offer there is nothing to go on with.
      const isNew = word === 'offer' && when === 'before' && survivor === next && what === 'die';
      expect(Number(counted)).toBeGreaterThanOrEqual(isNew ? PACKETS : 2 * PACKETS);
    });
  },
  NFQLB,
);
