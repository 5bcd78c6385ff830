/**
 * The tree that flows are looked up in.
 *
 * A list of flows, in the order in which they win, is divided by one field: filed under each network, or block of ports,
 * or protocol that its flows ask for; and those that do not ask are a list of their own, `any`. Each of the lists that come of it
 * is divided again, by another field, as long as that leaves clearly less to look at. What is left is a leaf: flows to be
 * tried one after the other, with what each still asks for.
 *
 * A packet goes into `any` and into whatever its own value is filed under: all networks around its address, all blocks around
 * its port. So nothing general is copied into what is special, and a flow is met on one path at most. Each place knows the
 * first flow in it, and the search always goes on where the first of all those is (flow-lookup.ts): the first that matches is
 * the answer, and no flow is tried that a walk down the whole list would not have tried.
 *
 * The usual flows, addresses times ports, come down to a leaf of one flow in two steps, however many there are. Flows that
 * overlap in everything cannot be divided: they become one leaf, which is that walk.
 *
 * The field taken is the one that leaves the least to look at for packets that flows are meant for: the mean, over all that is
 * asked for, of what a packet there still meets. Equal lists are stored once, since flows often ask for several addresses in
 * common. Filing flows with many ranges under many networks multiplies, so entries are limited to a multiple of what all
 * flows ask for: lists beyond that stay leaves, slower but right.
 */

import { CLASSES_AT, FIELDS, Field } from './layout.js';
import { mix, slotsFor } from './slots.js';

/**
 * A place in the tree. Of a node: its first word; plus 1, all of it but `any`, which has been seen to. Of a leaf: the complement
 * of its first entry, so a negative number.
 */
export type Ref = number;

/** No place at all. Also what stands behind the last flow of a leaf, so that it comes after every flow. */
export const END = 0x7fffffff;

/**
 * The place of one flow that asks for nothing more than a protocol: this, plus bits by class of those that it takes. The flow is the place's
 * first, so it need not be looked at. Places from {@link SURE_END} on are others.
 */
export const SURE: Ref = -0x80000000;
export const SURE_END: Ref = SURE + 16;
const ANY_CLASS = 0b1111;

/** Words of a node. Children are found by hash in the child slots. */
export const NODE_WORDS = 8;
export const NODE_FIELD = 0;
export const NODE_ANY = 1;
/** The first flow of `any`, and that of all children; {@link END} for none. */
export const NODE_ANY_FIRST = 2;
export const NODE_REST_FIRST = 3;
/** Of ports: the sizes of blocks that there are, as bits. */
export const NODE_SIZES = 4;

/** A child slot: the node, under what, the child, its first flow. The node is −1 in a free one. */
export const CHILD_WORDS = 4;
export const CHILD_KEY = 1;
export const CHILD_REF = 2;
export const CHILD_FIRST = 3;

/** An entry of a leaf: the flow, and what it still asks for, in one number (see {@link Field}). */
export const ENTRY_WORDS = 2;

/** In which slot (not word) the search for a child begins. */
export function hashChild(node: number, key: number): number {
  return mix(mix(node, key), 0);
}

/** How flows are told apart by one field. What they are filed under is numbered from 0. */
export interface Division {
  /** By number: under what packets look. */
  readonly keys: readonly number[];
  /** By flow: under which numbers it is filed. Empty if it does not ask. */
  readonly filed: readonly (readonly number[])[];
  /** By flow: its members, each by a value that it has. */
  readonly members: readonly (readonly number[])[];
  /** By value: the numbers of all that a packet with it looks under. */
  readonly met: readonly (readonly number[])[];
}

/** Looking at one flow costs 1, and 1 for each member; a list that costs no more than this is not divided. */
const LEAF_COST = 8;
/** Going from one list to another and back, in the same unit: flows of several lists are tried in their common order. */
const SWITCH_COST = 20;
/** What a division must leave, at most, of a list's cost. */
const WORTHWHILE = 7 / 8;
/** Entries of all leaves, for each member of all flows and each flow. */
const MAX_ENTRIES = 32;

/** Builds one tree over flows that are numbered in their order; of several trees, what they have in common is stored once. */
export class FlowTreeBuilder {
  readonly #divisions: ReadonlyMap<Field, Division>;
  /** By flow: what it asks for, in one number (see {@link Field}). */
  readonly #asks: readonly number[];
  readonly #nodes: number[] = [];
  readonly #children: number[] = [];
  readonly #entries: number[] = [];
  readonly #known = new Map<number, { readonly flows: readonly number[]; readonly open: number; readonly ref: Ref }[]>();
  readonly #scratch: Scratch;
  #room: number;
  #leaves = 0;

  /** @param asks by flow: what it asks for, in one number (see {@link Field}) */
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
   * @param flows by number, ascending
   * @param open what of that they ask for matters: bits by {@link Field}
   */
  build(flows: readonly number[], open: number): Ref {
    const ref = this.#place(flows, open);
    return ref < SURE_END ? this.#leaf(flows, open) : ref;
  }

  /** Nodes and leaves. */
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

  /** The place of a list: the one that there is, or a new one. */
  #place(list: readonly number[], allowed: number): Ref {
    if (list.length === 0) return END;
    // What comes after a flow that takes all is never met.
    const last = list.findIndex((flow) => (this.#asks[flow]! & FIELDS & allowed) === 0);
    const flows = last < 0 ? list : list.slice(0, last + 1);
    let asked = 0;
    let hash = flows.length;
    for (const flow of flows) {
      asked |= this.#asks[flow]!;
      hash = mix(hash, flow);
    }
    // What none of them asks for makes no difference.
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
      // Only of ports, whose blocks have their size there.
      record[NODE_SIZES]! |= 1 << (key & 31);
    }
    this.#nodes.splice(node, NODE_WORDS, ...record);
    return node;
  }

  /** The field that leaves the least to look at; `undefined` if none leaves clearly less than there is. */
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
 * The mean, over all members of these flows, of what a packet that has a member's value meets: the cost of all flows in its lists, and
 * that of switching between the lists, at most once for each flow that is not in the longest.
 *
 * @param costs by place in `flows`, members of this division's field included, of which nothing is left to look at
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
    // Packets for a flow that does not ask meet at least the others that do not.
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

/** What is filed under a number, while a division is weighed; all 0 before and after. */
interface Scratch {
  readonly costOf: Float64Array;
  readonly lengthOf: Int32Array;
}

function sameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((flow, i) => flow === b[i]);
}
