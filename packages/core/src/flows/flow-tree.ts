/**
 * The decision tree for flow lookup.
 *
 * A node divides a list of flows, in order of precedence, by one field: flows are filed under each network, port block or protocol that
 * they match, and flows without a condition on that field go into a separate list, `any`. The resulting lists are divided again by other
 * fields, as long as that clearly reduces the work. A list that is not divided further is a leaf: its flows are tried one by one, checking
 * the conditions that remain.
 *
 * A packet descends into `any` and into every list that its own value falls into: all networks that contain its address, all blocks that
 * contain its port. General flows are therefore never copied into the lists of specific ones, and there is at most one path to each flow.
 * Each place stores its first flow, and the search always continues at the place whose first flow comes first (flow-lookup.ts). So the
 * first match is the answer, and no flow is tried that a walk down the whole list would not have tried.
 *
 * Flows of the usual shape, addresses × ports, reach a leaf of one flow in two steps, however many there are. Flows that overlap in every
 * field cannot be divided: they become one leaf, which is a linear walk.
 *
 * The field chosen is the one with the lowest expected work, averaged over the packets that the flows are meant for. Equal lists are
 * stored once, as flows often share addresses. Filing flows with many ranges under many networks multiplies entries, so their number is
 * limited to a multiple of the total number of conditions; lists beyond that stay leaves: slower, but correct.
 */

import { CLASSES_AT, FIELDS, Field } from './layout.js';
import { mix, slotsFor } from './slots.js';

/**
 * A place in the tree. A node: the index of its first word, plus 1 once its `any` list has been searched. A leaf: the complement (~) of
 * its first entry, so it is negative.
 */
export type Ref = number;

/** No place. Also terminates the entries of a leaf: it sorts after every flow. */
export const END = 0x7fffffff;

/**
 * A place with a single flow that has no conditions left but the protocol: SURE plus one bit per protocol class that matches. The flow is
 * known already, as the place's first flow. References from {@link SURE_END} up are other places.
 */
const SURE: Ref = -0x80000000;
export const SURE_END: Ref = SURE + 16;
const ANY_CLASS = 0b1111;

/** Words of a node. Its children are in a hash table, the child slots. */
const NODE_WORDS = 8;
export const NODE_FIELD = 0;
export const NODE_ANY = 1;
/** The first flow of `any`, and the first flow of all children; {@link END} if none. */
export const NODE_ANY_FIRST = 2;
export const NODE_REST_FIRST = 3;
/** For port fields: which block sizes occur, one bit each. */
export const NODE_SIZES = 4;

/** A child slot: node (−1 if free), key, child, and the child's first flow. */
export const CHILD_WORDS = 4;
export const CHILD_KEY = 1;
export const CHILD_REF = 2;
export const CHILD_FIRST = 3;

/** A leaf entry: the flow, and the bit mask of its remaining conditions (see {@link Field}). */
export const ENTRY_WORDS = 2;

/** Index of the slot (not the word) where the search for a child begins. */
export function hashChild(node: number, key: number): number {
  return mix(mix(node, key), 0);
}

/** How one field divides flows. The keys that flows are filed under are numbered from 0. */
export interface Division {
  /** The key of each number, as a packet lookup computes it. */
  readonly keys: readonly number[];
  /** The numbers each flow is filed under; empty if it has no condition on this field. */
  readonly filed: readonly (readonly number[])[];
  /** One value from each member of each flow's condition. */
  readonly members: readonly (readonly number[])[];
  /** The numbers that a packet with a given value is looked up under. */
  readonly met: readonly (readonly number[])[];
}

/** Checking a flow costs 1, plus 1 for each member. A list that costs no more than this is not divided. */
const LEAF_COST = 8;
/** Cost of switching between lists, in the same unit: flows of several lists are tried in their common order. */
const SWITCH_COST = 20;
/** A division is worthwhile if at most this share of the list's cost remains. */
const WORTHWHILE = 7 / 8;
/** Limit on the entries of all leaves: this many per flow and per member. */
const MAX_ENTRIES = 32;

/** Builds trees over flows that are numbered in order of precedence. Trees share what they have in common. */
export class FlowTreeBuilder {
  readonly #divisions: ReadonlyMap<Field, Division>;
  /** Bit mask of each flow's conditions (see {@link Field}). */
  readonly #asks: readonly number[];
  readonly #nodes: number[] = [];
  readonly #children: number[] = [];
  readonly #entries: number[] = [];
  readonly #known = new Map<number, { readonly flows: readonly number[]; readonly open: number; readonly ref: Ref }[]>();
  readonly #scratch: Scratch;
  #room: number;
  #leaves = 0;

  /** @param asks bit mask of each flow's conditions (see {@link Field}) */
  constructor(divisions: ReadonlyMap<Field, Division>, asks: readonly number[]) {
    this.#divisions = divisions;
    this.#asks = asks;
    const members = [...divisions.values()].flatMap((division) => division.members).reduce((sum, { length }) => sum + length, 0);
    const numbers = Math.max(0, ...[...divisions.values()].map(({ keys }) => keys.length));
    this.#scratch = { costOf: new Float64Array(numbers), lengthOf: new Int32Array(numbers) };
    this.#room = MAX_ENTRIES * (members + asks.length);
  }

  /**
   * Builds a tree.
   *
   * @param flows numbers of the flows, ascending
   * @param open the conditions to check, as a bit mask of {@link Field}
   */
  build(flows: readonly number[], open: number): Ref {
    const ref = this.#place(flows, open);
    return ref < SURE_END ? this.#leaf(flows, open) : ref;
  }

  /** Number of nodes and leaves. */
  get places(): number {
    return this.#nodes.length / NODE_WORDS + this.#leaves;
  }

  /** The sections of a compiled flow set: nodes, child slots, entries. */
  sections(): { readonly nodes: Int32Array; readonly children: Int32Array; readonly entries: Int32Array } {
    const count = this.#children.length / CHILD_WORDS;
    const children = new Int32Array(CHILD_WORDS * slotsFor(count)).fill(-1);
    const mask = children.length / CHILD_WORDS - 1;
    for (let child = 0; child < this.#children.length; child += CHILD_WORDS) {
      let slot = hashChild(this.#children[child]!, this.#children[child + CHILD_KEY]!) & mask;
      while (children[CHILD_WORDS * slot] !== -1) slot = (slot + 1) & mask;
      for (let word = 0; word < CHILD_WORDS; word++) children[CHILD_WORDS * slot + word] = this.#children[child + word]!;
    }
    return { nodes: Int32Array.from(this.#nodes), children, entries: Int32Array.from(this.#entries) };
  }

  /** The place of a list: an existing one if there is an equal list, else a new one. */
  #place(list: readonly number[], allowed: number): Ref {
    if (list.length === 0) return END;
    // Flows after one that matches everything are never reached.
    const last = list.findIndex((flow) => (this.#asks[flow]! & FIELDS & allowed) === 0);
    const flows = last < 0 ? list : list.slice(0, last + 1);
    let asked = 0;
    let hash = flows.length;
    for (const flow of flows) {
      asked |= this.#asks[flow]!;
      hash = mix(hash, flow);
    }
    // Ignore fields on which no flow has a condition.
    const open = asked & FIELDS & allowed;
    if (flows.length === 1 && (open & ~(1 << Field.Protocol)) === 0) {
      this.#leaves++;
      return SURE + (open === 0 ? ANY_CLASS : this.#asks[flows[0]!]! >> CLASSES_AT);
    }
    hash = mix(hash, open);
    const alike = this.#known.get(hash) ?? [];
    const same = alike.find((place) => place.open === open && sameList(place.flows, flows));
    if (same !== undefined) return same.ref;
    const division = this.#bestDivision(flows, open);
    const ref = division === undefined ? this.#leaf(flows, open) : this.#node(flows, open, division);
    this.#known.set(hash, [...alike, { flows, open, ref }]);
    return ref;
  }

  #leaf(flows: readonly number[], open: number): Ref {
    this.#leaves++;
    this.#room -= flows.length;
    const begin = this.#entries.length;
    for (const flow of flows) this.#entries.push(flow, this.#asks[flow]! & (open | ~FIELDS));
    this.#entries.push(END, 0);
    return ~begin;
  }

  #node(flows: readonly number[], open: number, field: Field): Ref {
    const { filed, keys } = this.#divisions.get(field)!;
    const lists = new Map<number, number[]>();
    const any: number[] = [];
    for (const flow of flows) {
      if (((this.#asks[flow]! >> field) & 1) === 0) any.push(flow);
      for (const number of filed[flow]!) {
        const list = lists.get(number);
        if (list === undefined) lists.set(number, [flow]);
        else list.push(flow);
      }
    }
    const node = this.#nodes.length;
    const record = new Array<number>(NODE_WORDS).fill(0);
    this.#nodes.push(...record);
    const left = open & ~(1 << field);
    record[NODE_FIELD] = field;
    record[NODE_ANY] = this.#place(any, left);
    record[NODE_ANY_FIRST] = any[0] ?? END;
    record[NODE_REST_FIRST] = END;
    for (const [number, list] of lists) {
      const key = keys[number]!;
      const first = list[0]!;
      this.#children.push(node, key, this.#place(list, left), first);
      record[NODE_REST_FIRST] = Math.min(record[NODE_REST_FIRST]!, first);
      // Means something for port blocks only, which have their size in the low five bits.
      record[NODE_SIZES]! |= 1 << (key & 31);
    }
    this.#nodes.splice(node, NODE_WORDS, ...record);
    return node;
  }

  /** The field that leaves the least work; `undefined` if no field clearly reduces it. */
  #bestDivision(flows: readonly number[], open: number): Field | undefined {
    const divisions = [...this.#divisions].filter(([field]) => ((open >> field) & 1) !== 0);
    const costs = new Float64Array(flows.length).fill(1);
    for (const [, { members }] of divisions) for (let i = 0; i < flows.length; i++) costs[i]! += members[flows[i]!]!.length;
    const whole = costs.reduce((sum, cost) => sum + cost, 0);
    if (whole <= LEAF_COST) return undefined;
    let best: Field | undefined;
    let least = WORTHWHILE * whole;
    for (const [field, division] of divisions) {
      const entries = flows.reduce((sum, flow) => sum + division.filed[flow]!.length, 0);
      if (entries > this.#room) continue;
      const left = expectedCost(flows, costs, division, this.#scratch);
      if (left >= least) continue;
      least = left;
      best = field;
    }
    return best;
  }
}

/**
 * Expected work after a division: averaged over all members of these flows, what a packet with that member's value still has to check.
 * That is the cost of all flows in its lists, plus switching between lists, at most once per flow outside the longest list.
 *
 * @param costs cost of each of `flows`, including this field's members, which need no check after the division
 */
function expectedCost(flows: readonly number[], costs: Float64Array, { filed, members, met }: Division, scratch: Scratch): number {
  const { costOf, lengthOf } = scratch;
  let anyCost = 0;
  let anyLength = 0;
  for (let i = 0; i < flows.length; i++) {
    const flow = flows[i]!;
    const numbers = filed[flow]!;
    const cost = costs[i]! - members[flow]!.length;
    if (numbers.length === 0) {
      anyCost += cost;
      anyLength++;
    }
    for (const number of numbers) {
      costOf[number]! += cost;
      lengthOf[number]!++;
    }
  }
  let sum = 0;
  let packets = 0;
  for (const flow of flows) {
    const values = members[flow]!;
    // Packets for a flow without a condition meet at least the other flows without one.
    if (values.length === 0) {
      sum += anyCost;
      packets++;
    }
    for (const value of values) {
      let cost = anyCost;
      let length = anyLength;
      let longest = anyLength;
      for (const number of met[value]!) {
        cost += costOf[number]!;
        length += lengthOf[number]!;
        longest = Math.max(longest, lengthOf[number]!);
      }
      sum += cost + SWITCH_COST * (length - longest);
      packets++;
    }
  }
  for (const flow of flows) {
    for (const number of filed[flow]!) {
      costOf[number] = 0;
      lengthOf[number] = 0;
    }
  }
  return sum / packets;
}

/** Totals by number while a division is evaluated; all zero before and after. */
interface Scratch {
  readonly costOf: Float64Array;
  readonly lengthOf: Int32Array;
}

function sameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((flow, i) => flow === b[i]);
}
