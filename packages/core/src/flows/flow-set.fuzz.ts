// Any flows and packets: the compiled flows give each packet the flow of a naive walk, and a load balancer its table; flows that replace others step
// by step are the same as all at once.

import { FlowBalancer } from '../flow-balancer.js';
import { extractKey } from '../key/extract.js';
import { PacketKey } from '../key/packet-key.js';
import { FwmarkLookup } from '../maglev/fwmark-lookup.js';
import { TargetTable } from '../maglev/target-table.js';
import { DROP } from '../packet-batch.js';
import { FUZZ_TABLES, fuzzFlow, fuzzPacket } from '../testing/fuzz-flows.js';
import type { FuzzTarget } from '../testing/fuzz-target.js';
import { isTrue, same } from '../testing/invariant.js';
import { type NaiveFlow, naiveFlow } from '../testing/naive-flows.js';
import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';
import { compileFlows } from './compile-flows.js';
import { defineFlow } from './define-flow.js';
import { FlowLookup, NO_FLOW } from './flow-lookup.js';
import { FlowSet } from './flow-set.js';

const MAX_FLOWS = 8;
const MAX_PACKETS = 8;
const NO_TARGETS = 7;
const NO_FLOWS = 8;

const key = new PacketKey();

function compiledFlow(lookup: FlowLookup, octets: Uint8Array, etherType: number): string | undefined {
  let found = lookup.find(key, extractKey(key, octets, 0, octets.length, etherType, 0), octets);
  const encapPort = found === NO_FLOW ? 0 : lookup.encapPortOf(found);
  if (encapPort !== 0) found = lookup.find(key, extractKey(key, octets, 0, octets.length, etherType, encapPort), octets);
  return found === NO_FLOW ? undefined : lookup.nameOf(found);
}

const tables = new Map(
  [101, 102].map((fwmark, i) => {
    const size = { M: 7, N: 2 };
    const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(size)), size);
    table.activate([{ fwmark }]);
    return [FUZZ_TABLES[i]!, { fwmark, lookup: new FwmarkLookup(table) }];
  }),
);

const target: FuzzTarget = {
  run(input) {
    const promiscuousPing = input.flag();
    const commands = input.list(MAX_FLOWS, () => ({ delete: input.below(5) === 0, flow: fuzzFlow(input) }));
    // Step by step, and all at once: of several with one name the last counts.
    const steps = new FlowSet();
    const named = new Map<string, NaiveFlow & { readonly target: string }>();
    for (const { delete: isDeleted, flow } of commands) {
      if (isDeleted) steps.delete(flow.name);
      else steps.define(defineFlow(flow));
      // Compiling between the steps must leave nothing behind.
      if (isDeleted) steps.inOrder();
      named.delete(flow.name);
      if (!isDeleted) named.set(flow.name, flow);
    }
    const list = [...named.values()];
    same('number of flows', steps.size, list.length);
    const lookup = new FlowLookup(compileFlows(steps, { promiscuousPing }));
    const names = lookup.targetNames;
    const balancer = new FlowBalancer(
      {
        lookup,
        tables: names.map((name) => tables.get(name)?.lookup),
        matches: new Float64Array(lookup.count),
        octets: new Float64Array(lookup.count),
      },
      { noTargetsFwmark: NO_TARGETS, noFlowFwmark: NO_FLOWS },
    );
    balancer.refresh();
    for (const octets of input.list(MAX_PACKETS, () => fuzzPacket(input))) {
      const etherType = octets[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
      const expected = naiveFlow(list, octets, etherType === ETH_P_IPV6, promiscuousPing);
      same('flow', compiledFlow(lookup, octets, etherType), expected);
      const fwmark = balancer.decide(octets, 0, octets.length, etherType);
      // A first fragment has no fragment table here; and what is malformed has no flow.
      if (fwmark === DROP) continue;
      const table = expected === undefined ? undefined : named.get(expected)!.target;
      same('fwmark', fwmark, table === undefined ? NO_FLOWS : (tables.get(table)?.fwmark ?? NO_TARGETS));
      input.note(balancer.kind * 16 + balancer.reason);
    }
    isTrue('only flows of this set are counted', balancer.flow < lookup.count);
  },
};
export default target;
