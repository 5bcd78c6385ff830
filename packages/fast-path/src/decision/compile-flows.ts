import type { Cidr } from '@nfqlb/core/address';
import { type Flow, type FlowSet, isEncapsulation } from '@nfqlb/core/flows';
import { FastReason } from '../fast-reason.js';
import { MAX_LENGTHS, PORT_WORDS, PORTS, type PrefixKind } from '../layout.js';
import type { Decision, UnfitFlow } from './decision.js';
import { buildPrefixes, destinationKind, type Family, familyOf, Networks, sourceKind } from './networks.js';
import { finalReason, Places } from './places.js';
import { PortClasses } from './port-classes.js';
import { withFewLengths } from './vips.js';

export interface CompileOptions {
  /**
   * Destinations to decide for; packets to others are left alone. These are the addresses that queue rules lead to a queue: the program sees all
   * packets of an interface, also those that never come to the queue.
   */
  readonly vips: readonly Cidr[];
  /** Promiscuous ping is on: echo requests go to the queue. Default false. */
  readonly promiscuousPing?: boolean;
  /** Entries of the hash table of branches that flows may take. Default 2¹⁸. What does not fit goes to the queue. */
  readonly maxBranches?: number;
}

const FAMILIES = [4, 6] as const;

/** Compiles flows, each with its target table. Takes about as long as core's `compileFlows`: for thousands of flows, use another thread. */
export function compileFlows(set: FlowSet, { vips, promiscuousPing = false, maxBranches = 2 ** 18 }: CompileOptions): Decision {
  const flows = set.inOrder();
  const dports = new PortClasses(flows.flatMap((flow) => flow.dports));
  const sports = new PortClasses(flows.flatMap((flow) => flow.sports));
  const sources = new Map(FAMILIES.map((family) => [family, sourcesOf(flows, family)]));
  const places = new Places(flows, { destination: dports, source: sports }, sources, maxBranches);
  const kinds = new Map<PrefixKind, Networks<number>>();
  for (const family of FAMILIES) kinds.set(destinationKind(family), destinationsOf(flows, family, vips, places, sources.get(family)!));
  const { asksSources } = places;
  for (const family of FAMILIES) if (asksSources && fits(sources.get(family)!)) kinds.set(sourceKind(family), sources.get(family)!);

  const targets = new Map<string, number>();
  const tables = Uint32Array.from(flows, ({ target }) => {
    const table = targets.get(target) ?? targets.size;
    targets.set(target, table);
    return table;
  });
  return {
    names: flows.map(({ name }) => name),
    targets: [...targets.keys()],
    tables,
    ...buildPrefixes(kinds),
    ports: dports.count + sports.count === 2 ? new Uint32Array(0) : portsOf(dports, sports),
    ...places.build(),
    asksSources,
    queuePings: promiscuousPing,
    unfit: unfitOf(flows, places.unfit),
  };
}

/** Whether the program can search for all of these prefix lengths. */
function fits(networks: Networks<unknown>): boolean {
  return networks.lengths.length <= MAX_LENGTHS;
}

/** The sources that flows name, numbered from 1. */
function sourcesOf(flows: readonly Flow[], family: Family): Networks<number> {
  const sources = new Networks<number>();
  for (const { srcs } of flows) {
    for (const cidr of srcs) if (familyOf(cidr) === family && sources.get(cidr) === undefined) sources.set(cidr, sources.size + 1);
  }
  return sources;
}

/** VIPs and the networks inside them that flows name, and where packets to each begin. */
function destinationsOf(
  flows: readonly Flow[],
  family: Family,
  vips: readonly Cidr[],
  places: Places,
  sources: Networks<number>,
): Networks<number> {
  const own = new Networks<number>();
  for (const vip of withFewLengths(vips, family)) own.set(vip, 0);
  const isInVip = (cidr: Cidr): boolean => !own.around(cidr).next().done;

  /** By network: the flows that name it. */
  const named = new Networks<number[]>();
  const any: number[] = [];
  flows.forEach((flow, i) => {
    if (flow.dsts.length === 0) any.push(i);
    for (const cidr of flow.dsts) {
      if (familyOf(cidr) !== family) continue;
      const known = named.get(cidr);
      if (known === undefined) named.set(cidr, [i]);
      else known.push(i);
    }
  });

  const begins = new Networks<number>();
  for (const { cidr } of own) begins.set(cidr, 0);
  for (const { cidr } of named) if (isInVip(cidr)) begins.set(cidr, 0);
  // Too many lengths, of destinations or of sources: then everything in this family that depends on flows goes to the queue.
  const searchable = fits(begins) && fits(sources);
  if (!searchable) {
    for (const { cidr } of own) own.set(cidr, finalReason(FastReason.Unfit));
    for (const list of [any, ...Array.from(named, ({ value }) => value)]) for (const flow of list) places.unfit.add(flow);
    return own;
  }
  for (const { cidr } of begins) {
    const list = [...new Set([...any, ...[...named.around(cidr)].flat()])].sort((a, b) => a - b);
    begins.set(cidr, places.begin(list, family));
  }
  return begins;
}

function portsOf(dports: PortClasses, sports: PortClasses): Uint32Array {
  const ports = new Uint32Array(PORT_WORDS * PORTS);
  for (let port = 0; port < PORTS; port++) ports[PORT_WORDS * port] = dports.of(port) | (sports.of(port) << 16);
  return ports;
}

function unfitOf(flows: readonly Flow[], withoutRoom: ReadonlySet<number>): UnfitFlow[] {
  return flows.flatMap((flow, i): UnfitFlow[] => {
    if (isEncapsulation(flow)) return [];
    if (flow.match.length > 0) return [{ name: flow.name, why: 'match' }];
    if (flow.udpencap !== 0) return [{ name: flow.name, why: 'udpencap' }];
    return withoutRoom.has(i) ? [{ name: flow.name, why: 'room' }] : [];
  });
}
