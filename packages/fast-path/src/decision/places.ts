// The places of a decision (program/maps.h). A place stands for the flows that may still match, in order of precedence, and asks for one field that
// some of them have a condition on; each value leaves other flows. Equal lists share one place, so VIPs with the same flows share all that follows.
//
// The answer is final once the first flow of a list has no condition left. So precedence is exact, whatever the flows are.

import type { Flow } from '@nfqlb/core/flows';
import { isEncapsulation } from '@nfqlb/core/flows';
import { FastReason } from '../fast-reason.js';
import { BRANCH_PLACE, BRANCH_VALUE, BRANCH_WORDS, FINAL, FINAL_REASON, Field, PLACE_WORDS } from '../layout.js';
import { type Family, familyOf, type Networks } from './networks.js';
import type { PortClasses } from './port-classes.js';
import { buildSlots, mix, type Slots } from './slots.js';

export type Ref = number;

export const finalFlow = (flow: number): Ref => (FINAL | flow) >>> 0;
export const finalReason = (reason: FastReason): Ref => (FINAL | FINAL_REASON | reason) >>> 0;

/** `enum protocol_class` */
const PROTOCOLS = ['tcp', 'udp', 'sctp', 'other'] as const;
type Protocol = (typeof PROTOCOLS)[number];

/** The sources that flows name: numbers from 1, for the map `prefixes`. */
export type Sources = ReadonlyMap<Family, Networks<number>>;

/** What is known of the packets at a place. */
interface Known {
  readonly family: Family;
  readonly protocol: Protocol | undefined;
  /** The next field to ask for; those before are known. */
  readonly field: number;
}

/** The fields in the order in which they are asked for. */
const ORDER = [Field.Protocol, Field.DestinationPort, Field.Source, Field.SourcePort] as const;

export class Places {
  readonly #flows: readonly Flow[];
  readonly #ports: { readonly destination: PortClasses; readonly source: PortClasses };
  readonly #sources: Sources;
  /** Family by family, for each source that flows name: the networks inside it, itself included. */
  readonly #inside = new Map<Family, Map<number, number[]>>();
  readonly #known = new Map<string, Ref>();
  readonly #places: number[] = [0, 0];
  readonly #branches: number[][] = [];
  readonly #maxBranches: number;
  /** Steps that compiling may still take: flows in lists. */
  #room: number;
  /** Flows that are at a place for which there was no room. */
  readonly unfit: Set<number> = new Set();

  constructor(
    flows: readonly Flow[],
    ports: { readonly destination: PortClasses; readonly source: PortClasses },
    sources: Sources,
    maxBranches: number,
  ) {
    this.#flows = flows;
    this.#ports = ports;
    this.#sources = sources;
    this.#maxBranches = maxBranches;
    this.#room = 16 * maxBranches;
  }

  /** Where packets of a family begin that these flows may match, ascending: their destinations are known to match. */
  begin(list: readonly number[], family: Family): Ref {
    const fitting = list.filter((flow) => {
      const { srcs } = this.#flows[flow]!;
      return srcs.length === 0 || srcs.some((cidr) => familyOf(cidr) === family);
    });
    return this.#place(fitting, { family, protocol: undefined, field: 0 });
  }

  get asksSources(): boolean {
    for (let at = PLACE_WORDS; at < this.#places.length; at += PLACE_WORDS) if (this.#places[at] === Field.Source) return true;
    return false;
  }

  build(): { readonly places: Uint32Array; readonly branches: Slots } {
    const hash = (branch: readonly number[], seed: number): number => mix(mix(seed, branch[BRANCH_PLACE]!), branch[BRANCH_VALUE]!);
    return { places: Uint32Array.from(this.#places), branches: buildSlots(this.#branches, BRANCH_WORDS, hash) };
  }

  #place(all: readonly number[], known: Known): Ref {
    // Flows after one that matches everything are never reached.
    const end = all.findIndex((flow) => !this.#asks(flow, known));
    const list = end < 0 ? all : all.slice(0, end + 1);
    if (list.length === 0) return finalReason(FastReason.NoFlow);
    if (end === 0) return this.#final(list[0]!, known);
    const { field } = known;
    if (!list.some((flow) => this.#asksFor(flow, ORDER[field]!))) return this.#place(list, { ...known, field: field + 1 });

    const key = `${known.family} ${known.protocol} ${field} ${list}`;
    const same = this.#known.get(key);
    if (same !== undefined) return same;
    this.#room -= list.length;
    const ref = this.#room < 0 ? undefined : this.#divide(list, known);
    if (ref === undefined) for (const flow of list) this.unfit.add(flow);
    const made = ref ?? finalReason(FastReason.Unfit);
    this.#known.set(key, made);
    return made;
  }

  /** Whether a flow has a condition on this field. */
  #asksFor(flow: number, field: Field): boolean {
    const { protocols, dports, srcs, sports, match } = this.#flows[flow]!;
    // A byte match is for one protocol; to packets of others it means nothing.
    if (field === Field.Protocol) return protocols.length + match.length > 0;
    if (field === Field.DestinationPort) return dports.length > 0;
    return field === Field.Source ? srcs.length > 0 : sports.length > 0;
  }

  /** Whether a flow has a condition on any field that is not known yet. */
  #asks(flow: number, { field }: Known): boolean {
    return ORDER.some((each, i) => i >= field && this.#asksFor(flow, each));
  }

  /** A flow whose conditions are met, but for its byte matches. */
  #final(flow: number, { protocol }: Known): Ref {
    const { match } = this.#flows[flow]!;
    if (isEncapsulation(this.#flows[flow]!)) return finalReason(FastReason.SctpInUdp);
    return match.some((one) => one.protocol === protocol) ? finalReason(FastReason.ByteMatch) : finalFlow(flow);
  }

  /** @returns `undefined` if there is no room */
  #divide(list: readonly number[], known: Known): Ref | undefined {
    switch (ORDER[known.field]!) {
      case Field.Protocol:
        return this.#divideByProtocol(list, known);
      case Field.DestinationPort:
        return this.#divideByPort(list, known, this.#ports.destination, 'dports');
      case Field.SourcePort:
        return this.#divideByPort(list, known, this.#ports.source, 'sports');
      case Field.Source:
        return this.#divideBySource(list, known);
    }
  }

  #divideByProtocol(list: readonly number[], known: Known): Ref | undefined {
    const refs = PROTOCOLS.map((protocol) => {
      const matching = list.filter((flow) => {
        const { protocols } = this.#flows[flow]!;
        return protocols.length === 0 || protocols.some((each) => each === protocol);
      });
      return this.#place(matching, { ...known, protocol, field: known.field + 1 });
    });
    return this.#make(
      Field.Protocol,
      refs.map((ref, value) => ({ first: value, last: value, ref })),
    );
  }

  #divideByPort(list: readonly number[], known: Known, classes: PortClasses, field: 'dports' | 'sports'): Ref | undefined {
    const any = list.filter((flow) => this.#flows[flow]![field].length === 0);
    const bounds = new Map<number, { readonly begin: number[]; readonly end: number[] }>([[0, { begin: [], end: [] }]]);
    const at = (portClass: number): { readonly begin: number[]; readonly end: number[] } => {
      const found = bounds.get(portClass) ?? { begin: [], end: [] };
      bounds.set(portClass, found);
      return found;
    };
    for (const flow of list) {
      for (const { first, last } of this.#flows[flow]![field]) {
        at(classes.of(first)).begin.push(flow);
        at(classes.of(last) + 1).end.push(flow);
      }
    }
    const firsts = [...bounds.keys()].filter((portClass) => portClass < classes.count).sort((a, b) => a - b);
    const now = new Set<number>();
    const ranges = [];
    for (const [i, first] of firsts.entries()) {
      const { begin, end } = bounds.get(first)!;
      for (const flow of end) now.delete(flow);
      for (const flow of begin) now.add(flow);
      this.#room -= now.size + any.length;
      if (this.#room < 0) return undefined;
      const matching = [...now, ...any].sort((a, b) => a - b);
      const ref = this.#place(matching, { ...known, field: known.field + 1 });
      ranges.push({ first, last: (firsts[i + 1] ?? classes.count) - 1, ref });
    }
    return this.#make(field === 'dports' ? Field.DestinationPort : Field.SourcePort, ranges);
  }

  #divideBySource(list: readonly number[], known: Known): Ref | undefined {
    const networks = this.#sources.get(known.family)!;
    const any = list.filter((flow) => this.#flows[flow]!.srcs.length === 0);
    const next = { ...known, field: known.field + 1 };
    /** By source network: the flows that it, or one around it, belongs to. */
    const matching = new Map<number, Set<number>>();
    for (const flow of list) {
      for (const cidr of this.#flows[flow]!.srcs) {
        if (familyOf(cidr) !== known.family) continue;
        for (const inner of this.#insideOf(known.family, networks.get(cidr)!)) {
          this.#room--;
          const flows = matching.get(inner) ?? new Set(any);
          matching.set(inner, flows.add(flow));
        }
      }
      if (this.#room < 0) return undefined;
    }
    const ranges = [{ first: 0, last: 0, ref: this.#place(any, next) }];
    for (const [source, flows] of matching) {
      this.#room -= flows.size;
      if (this.#room < 0) return undefined;
      ranges.push({
        first: source,
        last: source,
        ref: this.#place(
          [...flows].sort((a, b) => a - b),
          next,
        ),
      });
    }
    // Sources that no flow of this list names are as those that no flow names at all.
    return this.#make(Field.Source, ranges, ranges[0]!.ref);
  }

  /** The numbers of the source networks inside one, itself included. */
  #insideOf(family: Family, source: number): readonly number[] {
    let inside = this.#inside.get(family);
    if (inside === undefined) {
      inside = new Map();
      const networks = this.#sources.get(family)!;
      for (const { cidr, value } of networks) {
        for (const outer of networks.around(cidr)) {
          const all = inside.get(outer) ?? [];
          inside.set(outer, all);
          all.push(value);
        }
      }
      this.#inside.set(family, inside);
    }
    return inside.get(source)!;
  }

  /**
   * @param ranges values and where they lead, without gaps unless `otherwise` is given
   * @param otherwise default: what most values lead to
   */
  #make(
    field: Field,
    ranges: readonly { readonly first: number; readonly last: number; readonly ref: Ref }[],
    otherwise: Ref = mostOf(ranges),
  ): Ref | undefined {
    const branching = ranges.filter(({ ref }) => ref !== otherwise);
    if (branching.length === 0) return otherwise;
    const count = branching.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    if (this.#branches.length + count > this.#maxBranches) return undefined;
    const place = this.#places.length / PLACE_WORDS;
    this.#places.push(field, otherwise);
    for (const { first, last, ref } of branching)
      for (let value = first; value <= last; value++) this.#branches.push([place, value, ref, 0]);
    return place;
  }
}

/** The reference with the most values. */
function mostOf(ranges: readonly { readonly first: number; readonly last: number; readonly ref: Ref }[]): Ref {
  const counts = new Map<Ref, number>();
  for (const { first, last, ref } of ranges) counts.set(ref, (counts.get(ref) ?? 0) + last - first + 1);
  let most = ranges[0]!.ref;
  for (const [ref, count] of counts) if (count > counts.get(most)!) most = ref;
  return most;
}
