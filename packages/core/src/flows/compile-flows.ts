import { SharedMemory } from '../shared-memory.js';
import { isEncapsulation } from './flow.js';
import { asksOf, buildFlowRecords, classesOf } from './flow-records.js';
import type { FlowSet } from './flow-set.js';
import { CHILD_WORDS, type Division, FlowTreeBuilder } from './flow-tree.js';
import { assemble, Field, Header, ProtocolClass, Section } from './layout.js';
import { buildNames } from './names.js';
import { BLOCK_SIZES, blockOf, PortClasses } from './port-classes.js';
import type { PortRange } from './port-range.js';
import { NO_PREFIX, PREFIX_WORDS, PrefixTableBuilder } from './prefix-table.js';

export interface CompileOptions {
  /** Echo requests match the first flow whose addresses match; its other conditions are ignored. Default false. */
  readonly promiscuousPing?: boolean;
  /** Returns memory of at least this many octets; it need not be zeroed. Default: new memory. */
  readonly allocate?: (octets: number) => SharedArrayBuffer;
}

/** The only conditions checked for an echo request when promiscuous ping is on. */
const ADDRESSES = (1 << Field.Destination) | (1 << Field.Source);
const ALL = -1;

/**
 * Compiles a flow set into the memory that `FlowLookup` searches. All workers share it, and it is never changed while a worker reads it.
 * The same flows compile to the same octets; the memory returned may be longer.
 *
 * @throws `CoreError` `out-of-memory`
 */
export function compileFlows(set: FlowSet, { promiscuousPing = false, allocate = newMemory }: CompileOptions = {}): SharedArrayBuffer {
  const flows = set.inOrder();
  const prefixes = new PrefixTableBuilder();
  const destinations = flows.map(({ dsts }) => dsts.map((cidr) => prefixes.add(false, cidr)));
  const sources = flows.map(({ srcs }) => srcs.map((cidr) => prefixes.add(true, cidr)));
  const prefixSections = prefixes.build();
  const dports = flows.map((flow) => flow.dports);
  const sports = flows.map((flow) => flow.sports);
  const destinationClasses = new PortClasses(dports.flat());
  const sourceClasses = new PortClasses(sports.flat());
  const divisions = new Map<Field, Division>([
    [Field.Destination, networkDivision(prefixes.parents, prefixSections.slotOf, destinations)],
    [Field.Source, networkDivision(prefixes.parents, prefixSections.slotOf, sources)],
    [Field.DestinationPort, portDivision(destinationClasses, dports)],
    [Field.SourcePort, portDivision(sourceClasses, sports)],
    [Field.Protocol, protocolDivision(flows.map(classesOf))],
  ]);
  const tree = new FlowTreeBuilder(divisions, flows.map(asksOf));
  const all = Array.from(flows.keys());
  const root = tree.build(all, ALL);
  // Encapsulation flows match UDP only, and have the same addresses as their SCTP flows.
  const answers = all.filter((flow) => !isEncapsulation(flows[flow]!));
  const pingRoot = promiscuousPing ? tree.build(answers, ADDRESSES) : root;

  const { records, networks4, networks6, ranges, matches, targets } = buildFlowRecords(flows);
  const { nodes, children, entries } = tree.sections();
  return assemble(
    {
      [Header.Flows]: flows.length,
      [Header.Root]: root,
      [Header.PingRoot]: pingRoot,
      [Header.Places]: tree.places,
      [Header.Targets]: targets.length,
      [Header.PrefixMask]: prefixSections.slots.length / PREFIX_WORDS - 1,
      [Header.ChildMask]: children.length / CHILD_WORDS - 1,
    },
    {
      [Section.Flow]: records,
      [Section.Network4]: networks4,
      [Section.Network6]: networks6,
      [Section.Range]: ranges,
      [Section.Match]: matches,
      [Section.PrefixSlot]: prefixSections.slots,
      [Section.PrefixLength]: prefixSections.lengths,
      [Section.DestinationClass]: destinationClasses.build(),
      [Section.SourceClass]: sourceClasses.build(),
      [Section.Node]: nodes,
      [Section.ChildSlot]: children,
      [Section.Entry]: entries,
      [Section.Name]: buildNames([...flows.map(({ name }) => name), ...targets]),
    },
    allocate,
  );
}

const newMemory = (octets: number): SharedArrayBuffer => new SharedMemory(octets);

/**
 * @param parents the smallest enclosing network of each network, by number
 * @param slotOf the hash slot of each network, by number: the key that lookups use
 * @param lists the networks of each flow, by number
 */
function networkDivision(parents: readonly number[], slotOf: readonly number[], lists: readonly (readonly number[])[]): Division {
  const around = (prefix: number): number[] => {
    const all: number[] = [];
    for (let at = prefix; at !== NO_PREFIX; at = parents[at]!) all.push(at);
    return all;
  };
  // A network inside another one of the same flow adds nothing: file the flow once, so that a packet meets it once.
  const filed = lists.map((list) => {
    const own = new Set(list);
    return [...own].filter((prefix) => !around(parents[prefix]!).some((outer) => own.has(outer)));
  });
  return { keys: slotOf, filed, members: filed, met: parents.map((_, prefix) => around(prefix)) };
}

function portDivision(classes: PortClasses, lists: readonly (readonly PortRange[])[]): Division {
  const keys: number[] = [];
  const numbers = new Map<number, number>();
  const numberOf = (block: number): number => {
    const known = numbers.get(block);
    if (known !== undefined) return known;
    numbers.set(block, keys.length);
    return keys.push(block) - 1;
  };
  const filed = lists.map((list) => list.flatMap((range) => classes.blocksOf(range).map(numberOf)));
  const members = lists.map((list) => list.map(({ first }) => classes.of(first)));
  const met = Array.from({ length: classes.count }, (_, portClass) => {
    const blocks = Array.from({ length: BLOCK_SIZES }, (_, size) => numbers.get(blockOf(portClass, size)));
    return blocks.filter((number) => number !== undefined);
  });
  return { keys, filed, members, met };
}

function protocolDivision(classes: readonly (readonly number[])[]): Division {
  const keys = Object.values(ProtocolClass);
  return { keys, filed: classes, members: classes, met: keys.map((key) => [key]) };
}
