// Any flows, tables and packets: the program in the kernel gives each packet the mark that core gives it, or leaves it to the queue for a reason that it
// may have; and both count the same. The program runs, by BPF_PROG_TEST_RUN, attached to nothing.

import { DROP, ETH_P_IP, ETH_P_IPV6, FlowBalancer, FwmarkLookup, type HashKey, Kind, packetLength } from '@nfqlb/core';
import { parseCidr } from '@nfqlb/core/address';
import { compileFlows as compileForCore, defineFlow, FlowLookup, FlowSet } from '@nfqlb/core/flows';
import { FUZZ_TABLES, type FuzzInput, type FuzzTarget, fuzzFlow, fuzzPacket, isTrue, type NaiveFlow, same } from '@nfqlb/core/testing';
import { compileFlows } from './decision/index.js';
import { FAST_REASON_NAMES } from './fast-reason.js';
import { missingCapabilities } from './kernel/system-error.js';
import { Kernel } from './testing/kernel.js';
import { tableOf } from './testing/table.js';

const MAX_FLOWS = 8;
const MAX_PACKETS = 200;
const HASH_KEY: HashKey = [0x01234567, 0x89abcdef | 0];
const EVERYWHERE = ['0.0.0.0/0', '::/0'];
const VIPS = [EVERYWHERE, ['10.0.0.0/8', '2001:db8::/32'], ['10.0.0.1/32'], []].map((texts) => texts.map((text) => parseCidr(text)!));

/** Packets that the program decides: unfragmented, with headers that it reads. */
const WHOLE: readonly Kind[] = [Kind.Normal, Kind.Icmp, Kind.AddressesOnly];

/** Why it may leave one of these to the queue nevertheless; and, if not all addresses are VIPs, `other`. */
const LEAVES = ['byte-match', 'sctp-in-udp', 'ping', 'no-target-drop', 'no-flow-drop', 'malformed', 'long-headers'];

/** A packet, of which a few octets may be others. */
function changedPacket(input: FuzzInput): Uint8Array {
  const octets = fuzzPacket(input);
  for (let changes = input.below(4); changes > 0; changes--) {
    const at = input.u8();
    const octet = input.u8();
    if (at < octets.length) octets[at] = octet;
  }
  return octets;
}

interface Options {
  readonly hashMode?: 0 | 1;
  readonly udpEncapPort?: number;
  readonly noTargetsFwmark?: number;
  readonly noFlowFwmark?: number;
}
const OPTIONS: readonly Options[] = [
  {},
  { noFlowFwmark: 5, noTargetsFwmark: 6 },
  { noTargetsFwmark: 0, hashMode: 0 },
  { udpEncapPort: 9899 },
];

/** What decides packets. */
interface Configuration {
  readonly flows: readonly (NaiveFlow & { readonly target: string })[];
  readonly vips: (typeof VIPS)[number];
  readonly promiscuousPing: boolean;
  readonly options: Options;
  /** By target of the flows: how many targets its table has, if there is one, how many buckets, and how it hashes. */
  readonly tables: ReadonlyMap<string, { readonly targets: number; readonly M: number; readonly hashKey: HashKey | undefined } | undefined>;
}

function configuration(input: FuzzInput): Configuration {
  const table = (): ReturnType<Configuration['tables']['get']> =>
    input.below(6) === 0 ? undefined : { targets: input.below(20), M: input.pick([23, 997]), hashKey: input.flag() ? HASH_KEY : undefined };
  return {
    promiscuousPing: input.flag(),
    vips: input.pick(VIPS),
    options: input.pick(OPTIONS),
    tables: new Map(FUZZ_TABLES.map((name) => [name, table()])),
    flows: input.list(MAX_FLOWS, () => fuzzFlow(input)),
  };
}

/** Counts of flows and of targets, in the order of their names and fwmarks. */
type Counts = readonly (readonly [name: string | number, packets: number, octets: number])[];

/** Both of them, with the same configuration. */
class Pair {
  readonly balancer: FlowBalancer;
  readonly kernel: Kernel;
  /** Whether all addresses are VIPs. */
  readonly decidesAll: boolean;
  readonly #lookup: FlowLookup;
  readonly #matches: Float64Array;
  readonly #octets: Float64Array;

  constructor({ flows, vips, promiscuousPing, options, tables }: Configuration) {
    this.decidesAll = vips === VIPS[0];
    // Of several with one name, the last counts.
    const set = new FlowSet(flows.map((flow) => defineFlow(flow)));
    const decision = compileFlows(set, { vips, promiscuousPing });
    this.#lookup = new FlowLookup(compileForCore(set, { promiscuousPing }));
    same('targets', decision.targets, this.#lookup.targetNames);
    const made = decision.targets.map((name) => {
      const wanted = tables.get(name);
      const first = 100 * (1 + FUZZ_TABLES.indexOf(name));
      return (
        wanted &&
        tableOf(
          Array.from({ length: wanted.targets }, (_, i) => first + i),
          wanted.M,
          wanted.hashKey,
        )
      );
    });
    const lookups = (): (FwmarkLookup | undefined)[] => made.map((table) => table && new FwmarkLookup(table));
    this.#matches = new Float64Array(this.#lookup.count);
    this.#octets = new Float64Array(this.#lookup.count);
    this.balancer = new FlowBalancer({ lookup: this.#lookup, tables: lookups(), matches: this.#matches, octets: this.#octets }, options);
    this.kernel = new Kernel(decision, lookups(), options);
  }

  /** The flow whose count a packet has raised. */
  matched(before: Float64Array): number {
    return this.#matches.findIndex((count, i) => count !== before[i]);
  }

  get matches(): Float64Array {
    return this.#matches.slice();
  }

  octetsOf(flow: number): number {
    return this.#octets[flow]!;
  }

  nameOf(flow: number): string {
    return this.#lookup.nameOf(flow);
  }

  get counts(): Counts {
    const { generation } = this.kernel;
    const all = [...generation.flows(), ...generation.targets()].map(([name, { packets, octets }]) => [name, packets, octets] as const);
    return all.filter(([, packets]) => packets > 0);
  }
}

/** Loading a program takes the kernel's verifier as long as a thousand packets: the last ones are kept. */
const KEPT = 8;
const pairs = new Map<string, Pair>();

function pairOf(input: FuzzInput): Pair {
  const wanted = configuration(input);
  const name = JSON.stringify([wanted, [...wanted.tables]]);
  const known = pairs.get(name);
  pairs.delete(name);
  const pair = known ?? new Pair(wanted);
  pairs.set(name, pair);
  if (pairs.size > KEPT) {
    const [oldest, { kernel }] = pairs.entries().next().value!;
    kernel.close();
    pairs.delete(oldest);
  }
  return pair;
}

const target: FuzzTarget = {
  missing() {
    const missing = missingCapabilities();
    return missing.length > 0 ? missing.join(' and ') : undefined;
  },
  run(input) {
    const pair = pairOf(input);
    const { balancer, kernel } = pair;
    const counted = new Map<string | number, [packets: number, octets: number]>(pair.counts.map(([name, ...count]) => [name, count]));
    const count = (name: string | number, octets: number): void => {
      const [packets, sum] = counted.get(name) ?? [0, 0];
      counted.set(name, [packets + 1, sum + octets]);
    };
    balancer.refresh();
    for (let packets = 0; packets < MAX_PACKETS && input.left > 0; packets++) {
      const octets = changedPacket(input);
      if (octets.length === 0) continue;
      const etherType = octets[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
      const before = pair.matches;
      const octetsBefore = Array.from(before, (_, flow) => pair.octetsOf(flow));
      const expected = balancer.decide(octets, 0, octets.length, etherType);
      const { mark, reason } = kernel.decide(octets);
      input.note(FAST_REASON_NAMES.indexOf(reason) * 256 + balancer.kind * 32 + balancer.reason);
      if (mark === 0) {
        // Fwmark 0 is none to the kernel.
        if (WHOLE.includes(balancer.kind) && expected !== 0) {
          isTrue(
            'a reason to leave a whole packet to the queue',
            LEAVES.includes(reason) || (reason === 'other' && !pair.decidesAll),
            reason,
          );
        }
        if (reason.endsWith('-drop')) same('what the queue does with it', expected, DROP);
        continue;
      }
      isTrue('a whole packet', WHOLE.includes(balancer.kind), [balancer.kind, reason]);
      same('mark', mark, expected);
      const flow = pair.matched(before);
      if (flow >= 0) count(pair.nameOf(flow), pair.octetsOf(flow) - octetsBefore[flow]!);
      count(mark, packetLength(octets, 0, etherType));
    }
    // A flow may have the name 5 beside the fwmark 5.
    const key = (name: Counts[number][0]): string => `${typeof name} ${name}`;
    const inOrder = (counts: Counts): Counts => counts.toSorted(([a], [b]) => (key(a) < key(b) ? -1 : 1));
    same(
      'counts of flows and targets',
      inOrder(pair.counts),
      inOrder([...counted].map(([name, [packets, octets]]) => [name, packets, octets])),
    );
  },
};
export default target;
