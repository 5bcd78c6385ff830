// A new process that takes over goes on announcing the VIPs: routers must not hear of a withdrawal, which would move connections.

import { expect, test } from 'vitest';
import { NFQLB } from '../load-balancer/program.js';
import { Site, targetOf } from '../run/site.js';
import { makeBare } from '../setup/router.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';

describeLive(
  'nfqlb run --takeover',
  () => {
    test('announced VIPs stay announced and withdrawn ones withdrawn; they go with the last process', async () => {
      await using net = await Topology.create({ targets: 2 });
      await makeBare(net);
      await using site = new Site(net);
      const vips = [`${net.vip4}/32`, `${net.vip6}/128`];
      const targets = net.targets.map((target) => targetOf(net, target));
      site.write({ tables: { [net.sharedMemory('web')]: { mode: 'dsr', vips, announce: true, targets } } });
      await site.start();
      const announced = async (): Promise<boolean> => (await net.lb.ip('route show proto 143')).includes(`${net.vip4} dev nfqlb-vips`);
      await expect.poll(announced, { timeout: 20_000 }).toBe(true);

      const monitor = await net.lb.spawn(['ip', 'monitor', 'route', 'link']);
      await site.takeOver();
      await site.process.waitForOutput(/: announced: /);
      // Longer than the new process needs to look at routes and device.
      await new Promise((resolve) => setTimeout(resolve, 3000));
      expect(await announced()).toBe(true);
      await monitor.stop();
      expect(monitor.stdout.split('\n').filter((line) => line.includes('nfqlb-vips'))).toEqual([]);

      await site.run('announce', 'drain');
      await expect.poll(announced, { timeout: 20_000 }).toBe(false);
      await site.takeOver();
      expect(await site.run('announce')).toBe(vips.map((vip) => `${vip} withdrawn: drained\n`).join(''));
      expect(await announced()).toBe(false);
      await site.run('announce', 'resume');
      await expect.poll(announced, { timeout: 20_000 }).toBe(true);
      await site.takeOver();
      site.process.signal('SIGKILL');
      await expect.poll(announced, { timeout: 20_000 }).toBe(false);
    }, 90_000);
  },
  NFQLB,
);
