// `nfqlb run` as an ordinary user with just the capabilities that docs/health.md names, as in the Debian service.

import { expect, test } from 'vitest';
import { answering } from '../load-balancer/application.js';
import { NFQLB } from '../load-balancer/program.js';
import { makeBare } from '../setup/router.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { Site, targetOf } from './site.js';

const withCapabilities = (...names: readonly string[]): string[] => {
  const list = names.map((name) => `+${name}`).join();
  const none = ['setpriv', '--reuid=4711', '--regid=4711', '--clear-groups', '--no-new-privs'];
  return [...none, `--inh-caps=-all,${list}`, `--ambient-caps=-all,${list}`, `--bounding-set=-all,${list}`];
};

describeLive(
  'as an ordinary user',
  () => {
    test.each([
      ['with CAP_NET_ADMIN and CAP_NET_RAW: rules, routes, queues and all checks', ['net_admin', 'net_raw']],
      ['without CAP_NET_RAW: it says which checks cannot be made, and uses the targets', ['net_admin']],
    ])('%s', { timeout: 60_000 }, async (_, capabilities) => {
      await using net = await Topology.create({ targets: 2 });
      await makeBare(net);
      await using _servers = await EchoServers.start(net);
      const web = net.sharedMemory('web');
      await using site = new Site(net, net.lb, withCapabilities(...capabilities));
      const [one, two] = net.targets;
      const targets = [targetOf(net, one!), targetOf(net, two!, { health: { type: 'tcp', port: 7, to: 'vip' } })];
      const table = { mode: 'dsr', vips: [`${net.vip4}/32`, `${net.vip6}/128`], health: { type: 'icmp', interval: 1 }, targets };
      site.write({ tables: { [web]: table }, options: { queue: '0:1' } });
      await site.start();
      for (const family of [4, 6] as const) {
        const answers = await ask(net, { family, protocol: 'tcp', connections: 40, timeout: 5000 });
        expect(answers).toMatchObject({ answered: 40, broken: 0 });
        expect(answering(answers)).toEqual([1, 2]);
      }
      const hasRaw = capabilities.includes('net_raw');
      // The state of what cannot be checked stays unknown.
      const state = async (): Promise<unknown> => {
        const { tables, degradations } = JSON.parse(await site.run('run', '--status', '--json'));
        return [tables[0].targets.map((target: { state: string }) => target.state), degradations.length];
      };
      await expect.poll(state, { timeout: 15_000 }).toEqual([[hasRaw ? 'up' : 'unknown', 'up'], hasRaw ? 0 : 1]);
      const needs = 'not permitted: needs CAP_NET_ADMIN for a fwmark and CAP_NET_RAW for icmp and sctp';
      if (!hasRaw) expect(await site.run('run', '--status')).toContain(needs);
    });
  },
  NFQLB,
  { setpriv: 'util-linux' },
);
