// A long run: mixed traffic while targets, flows, fragments and the log level change, and the program is traced and asked. No wrong target, no loss, and in the
// end it holds what it held after the first part. NFQLB_SOAK_SECONDS=3600 makes it an hour (`pnpm soak`).

import { setTimeout as sleep } from 'node:timers/promises';
import { changeTable } from '@nfqlb/protocol/tables';
import { expect, test } from 'vitest';
import { type Holdings, holdingsOf } from '../faults/observed-fault.js';
import { httpGet } from '../load-balancer/http.js';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';

const SECONDS = Number(process.env.NFQLB_SOAK_SECONDS ?? 20);
const MEBI = 2 ** 20;

/** Growth that is not a leak: the engine's heap breathes. */
const BREATH = 24 * MEBI;

describeLive(
  'a soak',
  () => {
    test(`of ${SECONDS} s`, { timeout: SECONDS * 1000 + 120_000 }, async () => {
      await using net = await Topology.create({ targets: 4 });
      await using _servers = await EchoServers.start(net);
      const options = ['--qlength=16384', '--metrics=127.0.0.1:9920', '--tun=nfqlb0'];
      await using lb = await LoadBalancer.start(net, { flows: true, queue: '0:1', options });
      const marks = net.targets.map(({ fwmark }) => ({ fwmark }));
      // The numbered packets have a flow whose two targets stay; all else changes.
      const steady = net.sharedMemory('steady');
      await lb.run('init', `--shm=${steady}`);
      changeTable(steady, (table) => table.setTargets(marks.slice(0, 2)));
      await lb.run('flow-set', '--name=steady', `--target=${steady}`, '--prio=9', '--protocols=udp', '--dports=5000');
      await lb.run('flow-set', '--name=rest', `--target=${lb.table}`);

      const measured: Holdings[] = [];
      const end = performance.now() + SECONDS * 1000;
      await using receiver = await Receiver.start(net, { eachFlow: true, period: 200 });
      await using sender = await Sender.start(net, { rate: 2000, sourceAddresses: 5 });
      for (let turn = 0; performance.now() < end; turn++) {
        changeTable(lb.table, (table) => table.setTargets(marks.filter((_, i) => i !== turn % 4)));
        await lb.run('flow-set', `--name=f${turn % 20}`, `--target=${lb.table}`, '--protocols=tcp', `--dports=${1000 + (turn % 500)}`);
        if (turn % 5 === 4) await lb.run('flow-delete', `--name=f${(turn * 7) % 20}`).catch(() => {});
        // Datagrams in fragments, and TCP.
        for (const octets of [8, 4000]) {
          const udp = await ask(net, { protocol: 'udp', connections: 5, octets });
          expect([octets, udp.answered]).toEqual([octets, 5]);
        }
        expect(await ask(net, { protocol: 'tcp', connections: 5 })).toMatchObject({ answered: 5, broken: 0 });
        if (turn % 3 === 0) {
          await using trace = await lb.spawn('trace', '--selection=packet', '--count=3');
          await trace.exited;
        }
        expect((await httpGet(net.lb, 'http://127.0.0.1:9920/metrics')).status).toBe(200);
        await sleep(50);
        measured.push(await holdingsOf(lb));
      }
      const sent = await sender.stop();
      const received = await receiver.finish();
      expect(received).toMatchObject({ splitFlows: 0, overflows: 0, foreign: 0, duplicates: 0 });
      expect(received.byTarget.slice(2).filter((count) => count > 0)).toEqual([]);
      expect(lost(received, sent)).toBe(0);
      expect(await net.lb.astray()).toBe(0);
      expect((await httpGet(net.lb, 'http://127.0.0.1:9920/healthz')).text).toBe('healthy\n');
      expect(lb.process.stderr).not.toMatch(/error|not healthy/);

      // What it holds in the last quarter, compared with the second.
      const quarter = Math.floor(measured.length / 4);
      expect(quarter).toBeGreaterThan(0);
      const most = (part: readonly Holdings[], what: 'descriptors' | 'memory'): number => Math.max(...part.map((one) => one[what]));
      const [early, late] = [measured.slice(quarter, 2 * quarter), measured.slice(-quarter)];
      const grown = most(late, 'memory') - most(early, 'memory');
      console.log(
        `soak: ${SECONDS} s, ${measured.length} turns, ${sent.sent} numbered packets, ${most(late, 'descriptors')} descriptors, ${Math.round(most(late, 'memory') / MEBI)} MiB, ${(grown / MEBI).toFixed(1)} MiB more than in the second quarter`,
      );
      expect(grown).toBeLessThan(BREATH);
      // A client or two that are just being served.
      expect(most(late, 'descriptors')).toBeLessThanOrEqual(most(early, 'descriptors') + 2);
      expect(measured.at(-1)!.sharedMemory).toEqual(measured[0]!.sharedMemory);
      expect(measured.at(-1)!.rules).toBe(measured[0]!.rules);
    });
  },
  NFQLB,
);
