// Any flows and packets: the compiled flows give each packet the flow of a naive walk, and a load balancer its table; flows that replace others step
// by step are the same as all at once.

import { FlowBalancer } from '../flow-balancer.js';
import { extractKey } from '../key/extract.js';
import { PacketKey } from '../key/packet-key.js';
import { FwmarkLookup } from '../maglev/fwmark-lookup.js';
import { TargetTable } from '../maglev/target-table.js';
import { DROP } from '../packet-batch.js';
import { packet } from '../packet-builder/index.js';
import type { FuzzInput } from '../testing/fuzz-input.js';
import type { FuzzTarget } from '../testing/fuzz-target.js';
import { isTrue, same } from '../testing/invariant.js';
import { type NaiveFlow, naiveFlow } from '../testing/naive-flows.js';
import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';
import { compileFlows } from './compile-flows.js';
import { defineFlow } from './define-flow.js';
import { FlowLookup, NO_FLOW } from './flow-lookup.js';
import { FlowSet } from './flow-set.js';

const ADDRESSES4 = ['10.0.0.1', '10.0.0.2', '10.128.0.1', '192.168.0.1'];
const ADDRESSES6 = ['2001:db8::1', '2001:db8:0:1::1', '::ffff:10.0.0.1', '::1'];
const PORTS = [1, 80, 81, 5000, 9899, 65535];
const HEADER = { tcp: 20, udp: 8, sctp: 12 } as const;
const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
const TABLES = ['one', 'two', 'missing'];
const MAX_FLOWS = 8;
const MAX_PACKETS = 8;
const NO_TARGETS = 7;
const NO_FLOWS = 8;

function cidr(input: FuzzInput): string {
  if (input.flag()) return `${input.pick(ADDRESSES6)}/${input.below(129)}`;
  return input.flag() ? `${input.pick(ADDRESSES4)}/${input.below(33)}` : `::ffff:${input.pick(ADDRESSES4)}/${90 + input.below(39)}`;
}

function range(input: FuzzInput): string {
  const first = input.flag() ? Math.max(1, input.u16()) : input.pick(PORTS);
  return input.flag() ? `${first}` : `${first}-${Math.min(65535, first + input.below(256))}`;
}

function match(input: FuzzInput): string {
  const protocol = input.pick(PROTOCOLS);
  const length = input.pick([1, 2, 4]);
  const offset = Math.min(input.below(20), HEADER[protocol] - length);
  const ones = 2 ** (8 * length) - 1;
  const mask = input.flag() ? 0 : Math.max(1, input.u32() % (ones + 1));
  const value = input.flag() ? input.pick(PORTS) : input.u32();
  if (mask === 0) return `${protocol}[${offset}:${length}]=${value % (ones + 1)}`;
  return `${protocol}[${offset}:${length}]&0x${mask.toString(16)}=${Number(BigInt(value) & BigInt(mask))}`;
}

function flow(input: FuzzInput): NaiveFlow & { readonly target: string } {
  const udpencap = input.pick([0, 0, 0, 9899, 80]);
  return {
    name: `${input.below(6)}`,
    target: input.pick(TABLES),
    priority: input.pick([0, 1, 2, 0xffffffff]),
    protocols: udpencap === 0 ? [...new Set(input.list(2, () => input.pick(PROTOCOLS)))] : ['sctp'],
    dsts: input.list(3, () => cidr(input)),
    srcs: input.list(2, () => cidr(input)),
    dports: input.list(2, () => range(input)),
    sports: input.list(2, () => range(input)),
    match: input.list(1, () => match(input)),
    udpencap,
  };
}

function octetsOf(input: FuzzInput): Uint8Array {
  const ip = input.flag()
    ? packet().ipv6(input.pick(ADDRESSES6), input.pick(ADDRESSES6))
    : packet().ipv4(input.pick(ADDRESSES4), input.pick(ADDRESSES4));
  const head = input.below(8) === 0 ? ip.fragment({ id: 7, offset: 0, more: true }) : ip;
  const [sport, dport] = [input.pick(PORTS), input.pick(PORTS)];
  const inside = packet().ipv4('1.1.1.1', '1.1.1.1').sctp(sport, dport).build().slice(20);
  const whole = [
    () => head.tcp(sport, dport, { flags: input.u8() }),
    () => head.udp(sport, dport).payload(input.bytes(4)),
    () => head.sctp(sport, dport),
    () => head.udp(input.pick([9899, 80]), input.pick([9899, 80])).payload(inside),
    () => head.icmpEcho(sport),
    () => ip.icmpError(3, 1, ip.udp(sport, dport).payload(inside).build()),
    () => head.protocol(47).payload(8),
  ][input.below(7)]!().build();
  return whole.slice(0, whole.length - input.pick([0, 0, 0, 1, 9, 17]));
}

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
    return [TABLES[i]!, { fwmark, lookup: new FwmarkLookup(table) }];
  }),
);

const target: FuzzTarget = {
  run(input) {
    const promiscuousPing = input.flag();
    const commands = input.list(MAX_FLOWS, () => ({ delete: input.below(5) === 0, flow: flow(input) }));
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
    for (const octets of input.list(MAX_PACKETS, () => octetsOf(input))) {
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
