import {
  Balancer,
  type BalancerOptions,
  ConnectionSet,
  extractKey,
  FlowBalancer,
  FragmentTable,
  type FragmentTableOptions,
  FwmarkLookup,
  Kind,
  PacketKey,
  STATISTICS_LENGTH,
  type TargetTable,
} from '@nfqlb/core';
import { type Decision, type DecisionRecord, decisionOf, decisionRecord, describeDecision, hasFlow } from '@nfqlb/core/explanation';
import { compileFlows, type Flow, FlowLookup, NO_FLOW } from '@nfqlb/core/flows';
import { describeArrival } from '@nfqlb/daemon/trace';
import { machineTime } from '@nfqlb/native';
import type { GivenPacket } from './given-packet.js';
import type { Situation } from './situation.js';

export interface DeciderOptions {
  readonly balancer: Pick<BalancerOptions, 'udpEncapPort' | 'noTargetsFwmark' | 'noFlowFwmark' | 'drainsOthers'> & {
    readonly hashMode: 0 | 1;
  };
  readonly promiscuousPing: boolean;
  /** Shared-memory name of the load balancer tier's table. */
  readonly tier: string | undefined;
  readonly fragments: FragmentTableOptions;
}

/** The decision about a packet, and why. */
export interface Answer {
  /** The packet in words. */
  readonly packet: string;
  /** The 40 octets of the key, in hexadecimal. */
  readonly key: string;
  readonly decision: Decision;
  readonly record: DecisionRecord;
  readonly words: string;
  readonly flow: FlowFound | undefined;
  readonly table: TableAsked | undefined;
}

/** The flow that matches a packet. */
export interface FlowFound {
  readonly name: string;
  readonly priority: number;
  /** Its place in matching order, from 1. */
  readonly place: number;
  readonly flows: number;
  /** The decision without this flow; absent if not asked for. */
  readonly next: Answer | undefined;
}

/** The table used. */
export interface TableAsked {
  readonly name: string;
  readonly M: number;
  readonly N: number;
  readonly targets: readonly number[];
  /** The fwmark's share of the buckets, from 0 to 1, and its weight; absent if no target was chosen. */
  readonly share?: number;
  readonly weight?: number;
  /** The former target of the packet's bucket, that of new connections (−1 for none), and how long this will last, in seconds; absent without a transition. */
  readonly transition?: { readonly former: number; readonly target: number; readonly seconds: number };
}

/** Explaining takes no more packets than this. */
const REMEMBERED = { connections: 1024 };

/** Describes a packet before any decision. */
export function describeGiven({ bytes, etherType }: GivenPacket): string {
  const key = new PacketKey();
  const kind = extractKey(key, bytes, 0, bytes.length, etherType, 0);
  return describeArrival({ kind, key, octets: bytes, etherType, wireLength: bytes.length });
}

/** Decides packets in order for a situation, with the same balancer code as a running load balancer. */
export class Decider {
  readonly #situation: Situation;
  readonly #options: DeciderOptions;
  readonly #balancer: Balancer | FlowBalancer;
  /** Flows in matching order, for a {@link FlowBalancer}. */
  readonly #flows: readonly Flow[];
  readonly #lookup: FlowLookup | undefined;
  /** By flow name: the decider without it. */
  readonly #without = new Map<string, Decider>();

  /** @throws CoreError, NativeError for tables that cannot be read */
  constructor(situation: Situation, options: DeciderOptions) {
    this.#situation = situation;
    this.#options = options;
    const { tier, fragments: fragmentOptions, balancer } = options;
    const memory = FragmentTable.createMemory(fragmentOptions, [0, 0]);
    const fragments = new FragmentTable(
      memory,
      fragmentOptions,
      new Uint32Array(STATISTICS_LENGTH / Uint32Array.BYTES_PER_ELEMENT),
      () => {},
    );
    // Which connections the load balancer remembers is not known here: the answer is for one that it does not.
    const connections = new ConnectionSet(ConnectionSet.createMemory(REMEMBERED, [0, 0]), REMEMBERED);
    connections.now = machineTime();
    const all = { ...balancer, connections, fragments, ...(tier !== undefined && { tier: new FwmarkLookup(situation.tableOf(tier)!) }) };
    this.#flows = situation.definedFlows();
    if (!situation.flows) {
      this.#balancer = new Balancer(new FwmarkLookup(situation.tableOf(situation.table!)!, connections), all);
      return;
    }
    const lookup = new FlowLookup(compileFlows(situation.flows, { promiscuousPing: options.promiscuousPing }));
    const [matches, octets] = [new Float64Array(lookup.count), new Float64Array(lookup.count)];
    const tables = lookup.targetNames.map((name, id) => {
      const table = situation.tableOf(name);
      return table && new FwmarkLookup(table, connections, id);
    });
    this.#lookup = lookup;
    this.#balancer = new FlowBalancer({ lookup, tables, matches, octets }, all);
  }

  /** @param withNext whether to also decide without the matching flow */
  decide(packet: GivenPacket, withNext = true): Answer {
    const { bytes, etherType } = packet;
    const fwmark = this.#balancer.decide(bytes, 0, bytes.length, etherType);
    const { reason, bucket, kind, key } = this.#balancer;
    const flow = hasFlow(reason, bucket) ? this.#flow() : undefined;
    const table = hasFlow(reason, bucket) ? (flow?.target ?? this.#situation.table) : undefined;
    const decision = decisionOf(this.#balancer, fwmark, this.#options.balancer.hashMode, { flow: flow?.name, table });
    return {
      packet: describeArrival({ kind, key, octets: bytes, etherType, wireLength: bytes.length }),
      key: kind === Kind.Malformed ? '' : Buffer.from(key.bytes).toString('hex'),
      decision,
      record: decisionRecord(decision, key),
      words: describeDecision(decision),
      table: table === undefined ? undefined : this.#tableAsked(table, fwmark, decision),
      flow: flow && {
        name: flow.name,
        priority: flow.priority,
        place: this.#flows.indexOf(flow) + 1,
        flows: this.#flows.length,
        next: withNext ? this.#deciderWithout(flow.name).decide(packet, false) : undefined,
      },
    };
  }

  #flow(): Flow | undefined {
    if (!this.#lookup) return undefined;
    const { flow } = this.#balancer as FlowBalancer;
    return flow === NO_FLOW ? undefined : this.#situation.flows!.get(this.#lookup.nameOf(flow));
  }

  #tableAsked(name: string, fwmark: number, { choice }: Decision): TableAsked | undefined {
    const table = this.#situation.tableOf(name);
    if (!table) return undefined;
    const { M, N } = table;
    const targets = table.fwmarks;
    const slot = table.active.indexOf(fwmark);
    const { fwmarks } = new FwmarkLookup(table);
    const transition = choice && transitionOf(table, choice.bucket, fwmarks[choice.bucket]!);
    const asked = { name, M, N, targets, ...(transition && { transition }) };
    if (!choice || fwmark < 0 || slot < 0) return asked;
    return { ...asked, share: fwmarks.filter((chosen) => chosen === fwmark).length / M, weight: table.weightOf(slot) };
  }

  #deciderWithout(flow: string): Decider {
    let decider = this.#without.get(flow);
    if (!decider) {
      decider = new Decider(this.#situation.without(flow), this.#options);
      this.#without.set(flow, decider);
    }
    return decider;
  }
}

function transitionOf({ formerTargets }: TargetTable, bucket: number, target: number): TableAsked['transition'] {
  if (!formerTargets) return undefined;
  const former = formerTargets.former[bucket]!;
  const seconds = Math.ceil((formerTargets.deadline[bucket]! - machineTime()) / 1000);
  return former >= 0 && seconds > 0 ? { former, target, seconds } : undefined;
}
