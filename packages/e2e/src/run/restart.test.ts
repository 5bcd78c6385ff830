// A restart of `nfqlb run` whose file was changed while it was down: tables still lead to former targets at first.

import { expect, test } from 'vitest';
import { scrape } from '../load-balancer/http.js';
import { NFQLB } from '../load-balancer/program.js';
import { makeBare } from '../setup/router.js';
import { describeLive } from '../testing/describe-live.js';
import type { Target } from '../topology/host.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { NAT_PORT, NAT_VIPS, Site, serveNat, targetOf } from './site.js';

const METRICS = '127.0.0.1:9911';
/** First checks are spread over a second, in which tables lead to former targets. */
const HEALTH = { type: 'icmp', interval: 1, timeout: 1 };

describeLive(
  'a restart with another file',
  () => {
    test('loses no packet: the ways to former targets stay until nothing is under way to them', { timeout: 90_000 }, async () => {
      await using net = await Topology.create({ targets: 4 });
      await makeBare(net);
      await using _direct = await EchoServers.start(net);
      await using _translated = await serveNat(net);
      const [one, two, three, four] = net.targets as [Target, Target, Target, Target];
      const [web, nat] = [net.sharedMemory('web'), net.sharedMemory('nat')];
      const options = { queue: 0, qlength: 16_384, metrics: METRICS };
      await using site = new Site(net);
      const write = (direct: Target, translated: Target): void => {
        const targets = [targetOf(net, direct), targetOf(net, two)];
        const tables = {
          [web]: { health: HEALTH, mode: 'dsr', vips: [`${net.vip4}/32`, `${net.vip6}/128`], targets },
          [nat]: { health: HEALTH, mode: 'nat', vips: [`${NAT_VIPS[4]}/32`, `${NAT_VIPS[6]}/128`], targets: [targetOf(net, translated)] },
        };
        site.write({ tables, options });
      };
      write(one, three);
      await site.start();
      expect(await site.process.stop('SIGTERM', 20_000)).toMatchObject({ status: 0 });
      write(four, four);

      await using receiver = await Receiver.start(net, { period: 200 });
      await using sender = await Sender.start(net, { rate: 20_000, sourceAddresses: 10, sourcePorts: 100 });
      await site.begin();
      const translated = ask(net, { family: 4, protocol: 'tcp', connections: 40, to: NAT_VIPS[4], port: NAT_PORT, timeout: 5000 });
      await site.inForce();
      const formerWay = `fwmark 0x${one.fwmark.toString(16)} `;
      const ways = (): Promise<string> => net.lb.ip('rule show protocol 142');
      expect(await ways()).toContain(formerWay);
      expect(await translated).toMatchObject({ answered: 40, broken: 0 });
      await expect.poll(ways, { timeout: 15_000 }).not.toContain(formerWay);
      expect(await net.lb.run(['iptables-save', '-t', 'nat'])).not.toContain(`--mark 0x${three.fwmark.toString(16)} `);
      expect(await ways()).toContain(`fwmark 0x${four.fwmark.toString(16)} `);

      const sent = await sender.stop();
      const received = await receiver.finish();
      const [first, ...others] = received.gaps;
      const toFormer = received.byTarget[0]!;
      console.log(
        `${sent.sent} packets sent; ${first![1] - first![0] + 1} before it listened; ${toFormer} to the former target; then lost: ${others.length} gaps`,
      );
      // This proves something.
      expect(toFormer).toBeGreaterThan(100);
      const series = `nfqlb_target_packets_total{fwmark="${three.fwmark}"}`;
      expect((await scrape(net.lb, METRICS)).get(series)).toBeGreaterThan(0);
      expect(received).toMatchObject({ overflows: 0, duplicates: 0 });
      expect({ first: first![0], others }).toEqual({ first: 0, others: [] });
      expect(sent.sent - received.distinct).toBe(first![1] - first![0] + 1);
      expect(await net.lb.astray()).toBe(0);
    });
  },
  NFQLB,
);
