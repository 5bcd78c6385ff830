import { FlowBalancer } from '@nfqlb/core';
import { compileFlows, FlowLookup, FlowSet } from '@nfqlb/core/flows';
import { SHAPES } from '../flow-shapes.js';
import { packetBatch } from '../traffic.js';
import type { Axis } from './axis.js';
import { deciding, lookupOf, PACKETS, SLOT } from './subjects.js';

export const flows: Axis = {
  name: 'flows',
  sizes: () => {
    const table = lookupOf(65_537, 100);
    return [1, 10, 100, 1000, 10_000, 100_000].map((at) => {
      const { flows, packet } = SHAPES.usual(at);
      const memory = compileFlows(new FlowSet(flows));
      const lookup = new FlowLookup(memory);
      const counts = (): Float64Array => new Float64Array(lookup.count);
      const balancer = new FlowBalancer({ lookup, tables: lookup.targetNames.map(() => table), matches: counts(), octets: counts() });
      return { at, octets: memory.byteLength, measure: deciding(balancer, packetBatch(PACKETS, SLOT, packet)) };
    });
  },
};
