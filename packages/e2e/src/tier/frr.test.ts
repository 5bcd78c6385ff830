// FRR on a load balancer, as docs/tier.md has it: what `nfqlb run` says reaches the router, and goes from there.

import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Running } from '../processes/running.js';
import { describeLive } from '../testing/describe-live.js';
import { startBird } from './bird.js';
import { PORT, TierNetwork } from './tier-network.js';

/** Of Debian; not in PATH. */
const DAEMONS = '/usr/lib/frr';

/** zebra, bgpd and bfdd with the page's configuration. */
async function startFrr(net: TierNetwork): Promise<Running[]> {
  const [{ host }] = net.members as [(typeof net.members)[0]];
  const folder = join(net.folder, 'frr');
  mkdirSync(folder);
  // The daemons give up root.
  for (const each of [net.folder, folder]) chmodSync(each, 0o777);
  const running: Running[] = [];
  for (const daemon of ['zebra', 'bgpd', 'bfdd']) {
    const own = ['-i', join(folder, `${daemon}.pid`), '-z', join(folder, 'zserv'), '--vty_socket', folder, '-P', '0', '-f', '/dev/null'];
    running.push(await host.spawn([join(DAEMONS, daemon), ...own, ...(daemon === 'bfdd' ? ['--bfdctl', join(folder, 'bfdd.sock')] : [])]));
  }
  const vtysh = (...args: readonly string[]): Promise<string> => host.run(['vtysh', '--vty_socket', folder, ...args]);
  const file = net.write('frr.conf', 'lb1');
  // It configures those daemons that listen already, and says nothing of the others.
  const configured = (): Promise<string> => vtysh('-f', file).then(() => vtysh('-c', 'show running-config'), String);
  await expect.poll(configured, { timeout: 10_000 }).toMatch(/^router bgp .*^ {2}redistribute kernel .*^ {2}redistribute kernel /ms);
  return running;
}

describeLive(
  'a load balancer with FRR',
  () => {
    test('is announced in both families, and withdrawn when it is drained, without targets, or killed', async () => {
      await using net = await TierNetwork.create();
      await using _servers = await net.serve();
      const [one] = net.members as [(typeof net.members)[0]];
      const configuration = net.configuration({
        health: { type: 'tcp', port: PORT, interval: 0.5, timeout: 0.5, fall: 2, rise: 1, panic: 1 },
      });
      await Promise.all([one.start(configuration), startBird(net, 'router'), startFrr(net)]);

      const announced = async (count: 0 | 1): Promise<void> => {
        const hops = async (): Promise<number[]> => [(await net.nextHops(4)).length, (await net.nextHops(6)).length];
        await expect.poll(hops, { timeout: 20_000, interval: 50 }).toEqual([count, count]);
      };
      await announced(1);
      expect(await net.nextHops(4)).toEqual([one.address]);
      await one.nfqlb('announce', 'drain');
      await announced(0);
      await one.nfqlb('announce', 'resume');
      await announced(1);

      for (const target of ['t1', 't2', 't3', 't4', 't5']) await net.cutOff(target);
      await announced(0);
      expect(await one.nfqlb('announce')).toContain('withdrawn: no target in use: table web');
      await net.connect('t1');
      await announced(1);

      one.process.signal('SIGKILL');
      await announced(0);
    }, 90_000);
  },
  undefined,
  { bird: 'bird2', vtysh: 'frr', unshare: 'util-linux' },
);
