// Any packets, in batches as a worker receives them, and one at a time: the same decisions, counts, stored fragments and traces. What one packet leaves behind,
// or what lies around it in the receive buffer, must not matter to the next.

import { MessageChannel } from 'node:worker_threads';
import {
  Balancer,
  type BalancerOptions,
  ConnectionSet,
  ETH_P_IP,
  ETH_P_IPV6,
  FlowBalancer,
  FragmentTable,
  FwmarkLookup,
  type PacketBatch,
  type Target,
  TargetTable,
} from '@nfqlb/core';
import { compileFlows, defineFlow, FlowLookup, FlowSet } from '@nfqlb/core/flows';
import { FUZZ_TABLES, type FuzzInput, type FuzzTarget, fuzzFlow, fuzzPacket, HASH_KEY, packet, same } from '@nfqlb/core/testing';
import { Area } from '@nfqlb/protocol/trace';
import { Counters, WorkerCounters } from '../shared/counters.js';
import { PacketRing } from '../trace/packet-ring.js';
import { BatchDecider } from './batch-decider.js';
import { PacketTap } from './packet-tap.js';

const MAX_FLOWS = 4;
const MAX_BATCHES = 6;
const MAX_BATCH = 12;
const FWMARKS = [101, 102, 103, 104];
const SIZE = { M: 23, N: 4 };
const FRAGMENTS = { size: 7, buckets: 8, fragments: 4, mtu: 200, ttl: 200, holes: 16 };
const CONNECTIONS = { idle: 100, connections: 64 };
/** Octets of a packet in a receive buffer, as a worker's are apart from each other. */
const SLOT = 256;

/** No trace flows arrive. */
const { port2: port } = new MessageChannel();
port.unref();

/** What takes long to allocate; emptied for each input. */
class Shared {
  readonly ring = new PacketRing();
  readonly counters = new Counters(1);

  empty(): this {
    this.ring.clear();
    for (const memory of Object.values(this.counters.memory)) new Uint8Array(memory).fill(0);
    return this;
  }
}
const SHARED = [new Shared(), new Shared()] as const;

interface Configuration {
  readonly flows: readonly Parameters<typeof defineFlow>[0][] | undefined;
  readonly options: BalancerOptions;
}

/** A change between two batches. */
interface Change {
  readonly seconds: number;
  readonly targets: readonly Target[] | undefined;
  readonly drain: number;
  readonly areas: number;
}

/** All that a worker decides with, in memory of its own. */
class World {
  readonly marks: number[] = [];
  readonly reinjected: string[] = [];
  readonly #tables = FUZZ_TABLES.slice(0, 2).map(() => TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE));
  readonly #connections = new ConnectionSet(ConnectionSet.createMemory(CONNECTIONS, HASH_KEY), CONNECTIONS);
  readonly #statistics = new Uint32Array(26);
  readonly #fragments: FragmentTable;
  readonly #counters: Counters;
  readonly #ring: PacketRing;
  readonly #tap: PacketTap;
  readonly #decider: BatchDecider;
  readonly #balancer: Balancer;
  readonly #matches: Float64Array[] = [];
  #now = 0;

  constructor({ flows, options }: Configuration, { ring, counters }: Shared) {
    this.#ring = ring;
    this.#counters = counters;
    this.#tap = new PacketTap({ ring: ring.memory, flows: port });
    this.#decider = new BatchDecider(new WorkerCounters(counters.memory, 0), this.#tap);
    const memory = FragmentTable.createMemory(FRAGMENTS, HASH_KEY);
    const reinject = (bytes: Uint8Array, at: number, length: number): void => {
      this.reinjected.push(Buffer.from(bytes.subarray(at, at + length)).toString('hex'));
    };
    this.#fragments = new FragmentTable(memory, FRAGMENTS, this.#statistics, reinject);
    this.#tables.forEach((table, i) => {
      table.setTargets([{ fwmark: 101 + i }, { fwmark: 103 }]);
    });
    const own = { ...options, fragments: this.#fragments, connections: this.#connections };
    const lookups = this.#tables.map((table, i) => new FwmarkLookup(table, this.#connections, i));
    if (flows === undefined) {
      this.#balancer = new Balancer(lookups[0], own);
      return;
    }
    const lookup = new FlowLookup(compileFlows(new FlowSet(flows.map((flow) => defineFlow(flow)))));
    const [matches, octets] = [new Float64Array(lookup.count), new Float64Array(lookup.count)];
    this.#matches.push(matches, octets);
    const tables = lookup.targetNames.map((name) => lookups[FUZZ_TABLES.indexOf(name)]);
    this.#balancer = new FlowBalancer({ lookup, tables, matches, octets }, own);
  }

  change({ seconds, targets, drain, areas }: Change): void {
    this.#now += seconds * 1000;
    this.#ring.areas = areas;
    if (targets) this.#tables[0]!.setTargets(targets, { now: this.#now, seconds: drain });
  }

  /** Decides packets as one batch. @param around what lies in the buffer where no packet is */
  take(packets: readonly Uint8Array[], around: number): void {
    const count = packets.length;
    const batch: PacketBatch = {
      bytes: new Uint8Array(SLOT * (count + 1)).fill(around),
      offset: new Uint32Array(count),
      length: new Uint32Array(count),
      etherType: new Uint16Array(count),
      mark: new Int32Array(count).fill(around),
    };
    packets.forEach((octets, i) => {
      const at = SLOT * i + (around & 31);
      batch.bytes.set(octets, at);
      batch.offset[i] = at;
      batch.length[i] = octets.length;
      batch.etherType[i] = octets.length > 0 && octets[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
    });
    this.#fragments.now = this.#now;
    this.#connections.now = this.#now;
    this.#decider.decide(this.#balancer, batch, count, this.#tap.open(1));
    this.marks.push(...batch.mark);
  }

  /** All that packets leave behind, but for how they came. */
  get trail(): unknown {
    const { batches: _, turns: _turns, batchSizes: _sizes, turnTimes: _times, ...counts } = this.#counters.sum();
    const { targets, others } = this.#counters.targets();
    const traced: unknown[] = [];
    for (let taken = this.#ring.take(); taken; taken = this.#ring.take()) {
      traced.push({ ...taken, time: 0, octets: [...taken.octets], key: [...taken.key.words] });
    }
    const { remembered, begun, learned, refused } = this.#connections.counts;
    return [
      counts,
      [...targets],
      others,
      [...this.#statistics],
      this.#matches.map((each) => [...each]),
      traced,
      remembered,
      begun,
      learned,
      refused,
    ];
  }
}

/** Mostly fragments of few datagrams; otherwise any packet. */
function octetsOf(input: FuzzInput): Uint8Array {
  const kind = input.below(4);
  if (kind === 0) return input.bytes(input.below(64));
  if (kind < 3) return fuzzPacket(input).slice(0, SLOT - 32);
  const ip = input.flag() ? packet().ipv6('2001:db8::2', '2001:db8::1') : packet().ipv4('10.0.0.2', '10.0.0.1');
  const part = input.below(3);
  const fragment = ip.fragment({ id: 7 + input.below(2), offset: 32 * part, more: part < 2 });
  return (part === 0 ? fragment.udp(1, 80).payload(24) : fragment.protocol(17).payload(part === 1 ? 32 : 5)).build();
}

const target: FuzzTarget = {
  run(input) {
    const options = input.pick<BalancerOptions>([
      {},
      { hashMode: 0, noTargetsFwmark: 7, noFlowFwmark: 8 },
      { udpEncapPort: 9899, drainsOthers: true },
    ]);
    const flows = input.flag() ? input.list(MAX_FLOWS, () => fuzzFlow(input)) : undefined;
    const [batched, single] = SHARED.map((shared) => new World({ flows, options }, shared.empty())) as [World, World];
    for (let batches = 1 + input.below(MAX_BATCHES); batches > 0; batches--) {
      const bits = input.below(16);
      const change: Change = {
        seconds: input.pick([0, 0, 1, 30, 200]),
        targets: input.flag() ? FWMARKS.filter((_, i) => (bits >> i) & 1).map((fwmark) => ({ fwmark })) : undefined,
        drain: input.pick([0, 30]),
        areas: input.pick([0, Area.Packet | Area.Fragment | Area.Sctp, Area.Fragment]),
      };
      batched.change(change);
      single.change(change);
      const packets = input.list(MAX_BATCH, () => octetsOf(input));
      if (packets.length === 0) continue;
      batched.take(packets, input.u8());
      for (const octets of packets) single.take([octets], 0);
      same('marks', batched.marks, single.marks);
    }
    same('reinjected', batched.reinjected, single.reinjected);
    const [one, other] = [batched.trail, single.trail];
    same('counts and traces', one, other);
    for (const mark of batched.marks) input.note(mark < 0 ? -mark : mark & 127);
  },
};
export default target;
