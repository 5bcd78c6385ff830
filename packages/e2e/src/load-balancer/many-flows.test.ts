import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { FLOW_ADDRESS } from './flow-commands.js';
import { LoadBalancer } from './load-balancer.js';
import { ManyFlows } from './many-flows.js';
import { NFQLB } from './program.js';

describeLive(
  'many flows',
  () => {
    test('are the same by a configuration and by commands, as another program takes them', async () => {
      await using net = await Topology.create();
      const options = { flows: true, flowAddress: FLOW_ADDRESS };
      const listed = async (define: (flows: ManyFlows) => Promise<void>): Promise<unknown[]> => {
        await using lb = await LoadBalancer.start(net, { ...options, targets: [] });
        await define(new ManyFlows(net, lb, { count: 30, tables: 3 }));
        return JSON.parse(await lb.run('flow-list'));
      };
      const byCommands = await listed((flows) => flows.defineOneByOne());
      expect(byCommands).toHaveLength(30);
      expect(await listed((flows) => flows.define())).toEqual(byCommands);
    });
  },
  NFQLB,
);
