import { Kind } from '../key/kind.js';
import type { PacketKey } from '../key/packet-key.js';
import { FlowMatcher } from './flow-matcher.js';
import { FLOW_ENCAP_PORT, FLOW_TARGET, FLOW_WORDS } from './flow-records.js';
import {
  CHILD_FIRST,
  CHILD_KEY,
  CHILD_REF,
  CHILD_WORDS,
  END,
  hashChild,
  NODE_ANY,
  NODE_ANY_FIRST,
  NODE_FIELD,
  NODE_REST_FIRST,
  NODE_SIZES,
  type Ref,
  SURE_END,
} from './flow-tree.js';
import { Field, Header, ProtocolClass, protocolClass, Section, sectionOf, wordsOf } from './layout.js';
import { nameIn } from './names.js';
import { blockOf, classOf } from './port-classes.js';
import { PrefixSearch } from './prefix-search.js';
import { NO_PREFIX } from './prefix-table.js';

/** Returned by {@link FlowLookup.find} when no flow matches. */
export const NO_FLOW = -1;

/**
 * Finds the flow of a packet in a compiled flow set (flow-tree.ts explains the tree). The compiled memory is only read; the search
 * uses scratch arrays of its own, so each thread needs its own instance. A search allocates nothing and throws nothing.
 *
 * Places still to be searched are kept in a heap, ordered by their first flow. The search takes the top: from a node, it pushes every
 * child that the packet falls into; in a leaf, it tries flows as long as they come before everything in the heap.
 */
export class FlowLookup {
  /** Number of flows, encapsulation flows included. Flow 0 has the highest precedence. */
  readonly count: number;
  /** Number of target tables that the flows use. */
  readonly targets: number;

  readonly #root: Ref;
  readonly #pingRoot: Ref;
  readonly #flows: Int32Array;
  readonly #names: Int32Array;
  readonly #nodes: Int32Array;
  readonly #children: Int32Array;
  readonly #childMask: number;
  readonly #entries: Int32Array;
  readonly #destinationClasses: Uint16Array;
  readonly #sourceClasses: Uint16Array;
  readonly #prefixes: PrefixSearch;
  readonly #matcher: FlowMatcher;

  /** Top of the heap, and its first flow: {@link END} when the heap is empty. */
  #topFirst = END;
  #topRef: Ref = END;
  /** The rest of the heap. Usually empty. */
  readonly #firsts: Int32Array;
  readonly #refs: Int32Array;
  #waiting = 0;

  /**
   * @param memory returned by `compileFlows`
   * @throws `CoreError` `not-a-table` if it was not
   */
  constructor(memory: ArrayBufferLike) {
    const words = wordsOf(memory);
    this.count = words[Header.Flows]!;
    this.#root = words[Header.Root]!;
    this.#pingRoot = words[Header.PingRoot]!;
    this.#flows = sectionOf(words, Section.Flow);
    this.#names = sectionOf(words, Section.Name);
    this.#nodes = sectionOf(words, Section.Node);
    this.#children = sectionOf(words, Section.ChildSlot);
    this.#childMask = words[Header.ChildMask]!;
    this.#entries = sectionOf(words, Section.Entry);
    this.#destinationClasses = units(sectionOf(words, Section.DestinationClass));
    this.#sourceClasses = units(sectionOf(words, Section.SourceClass));
    this.#prefixes = new PrefixSearch(words);
    this.#matcher = new FlowMatcher(words);
    // There is one path to each flow, so a search visits each place at most once.
    this.#firsts = new Int32Array(words[Header.Places]!);
    this.#refs = new Int32Array(words[Header.Places]!);
    this.targets = words[Header.Targets]!;
  }

  /**
   * Returns the first flow that matches a packet, or {@link NO_FLOW}.
   *
   * If {@link encapPortOf} of that flow is not 0, extract the key again with that port as the SCTP-in-UDP port and search again: only the
   * second answer counts, even if it is {@link NO_FLOW}. It is never an encapsulation flow.
   *
   * Later fragments have no ports and match no flow: their first fragment did.
   *
   * @param key as `extractKey` filled it
   * @param kind as `extractKey` returned it
   * @param bytes region that the packet was extracted from, for byte matches
   */
  find(key: PacketKey, kind: Kind, bytes: Uint8Array): number {
    if (kind === Kind.Fragment || kind === Kind.Malformed) return NO_FLOW;
    let ref = key.echoRequest ? this.#pingRoot : this.#root;
    if (ref === END) return NO_FLOW;
    const protocol = protocolClass(key.protocol);
    const entries = this.#entries;
    this.#waiting = 0;
    this.#topFirst = END;
    let first = END;
    for (;;) {
      if (ref >= 0) this.#open(ref, key, protocol);
      else if (ref >= SURE_END) {
        const at = this.#matcher.scan(~ref, this.#topFirst, key, kind, protocol, bytes);
        if (at >= 0) return entries[at]!;
        if (entries[~at] !== END) this.#push(entries[~at]!, at);
      } else if (((ref >> protocol) & 1) !== 0) return first;
      first = this.#topFirst;
      if (first === END) return NO_FLOW;
      ref = this.#topRef;
      this.#dropTop();
    }
  }

  /** For an encapsulation flow, the UDP port to use for the second lookup; otherwise 0. */
  encapPortOf(flow: number): number {
    return this.#flows[FLOW_WORDS * flow + FLOW_ENCAP_PORT]!;
  }

  /** Index of the flow's target table, from 0. */
  targetOf(flow: number): number {
    return this.#flows[FLOW_WORDS * flow + FLOW_TARGET]!;
  }

  /** Name of a flow. Allocates: not for the hot path. */
  nameOf(flow: number): string {
    return nameIn(this.#names, this.count + this.targets, flow);
  }

  /** Names of the target tables, indexed as by {@link targetOf}. Allocates: not for the hot path. */
  get targetNames(): string[] {
    return Array.from({ length: this.targets }, (_, target) => this.targetNameOf(target));
  }

  /** Name of one target table. Allocates: not for the hot path. */
  targetNameOf(target: number): string {
    return this.nameOf(this.count + target);
  }

  /** Pushes every child of a node that the packet falls into. */
  #open(ref: Ref, key: PacketKey, protocol: ProtocolClass): void {
    const nodes = this.#nodes;
    const node = ref & ~1;
    const anyFirst = nodes[node + NODE_ANY_FIRST]!;
    if (ref === node && anyFirst !== END) {
      this.#push(anyFirst, nodes[node + NODE_ANY]!);
      const restFirst = nodes[node + NODE_REST_FIRST]!;
      // `any` comes first and may have the answer: put off looking up the children.
      if (anyFirst < restFirst) {
        if (restFirst !== END) this.#push(restFirst, node | 1);
        return;
      }
    }
    switch (nodes[node + NODE_FIELD]) {
      case Field.Destination:
        this.#openNetworks(node, this.#prefixes.destination(key));
        break;
      case Field.Source:
        this.#openNetworks(node, this.#prefixes.source(key));
        break;
      case Field.DestinationPort:
        this.#openBlocks(node, classOf(this.#destinationClasses, key.destinationPort));
        break;
      case Field.SourcePort:
        this.#openBlocks(node, classOf(this.#sourceClasses, key.sourcePort));
        break;
      default:
        if (protocol !== ProtocolClass.Other) this.#openChild(node, protocol);
    }
  }

  #openNetworks(node: number, narrowest: number): void {
    for (let prefix = narrowest; prefix !== NO_PREFIX; prefix = this.#prefixes.parent(prefix)) this.#openChild(node, prefix);
  }

  #openBlocks(node: number, portClass: number): void {
    for (let sizes = this.#nodes[node + NODE_SIZES]!; sizes !== 0; sizes &= sizes - 1) {
      this.#openChild(node, blockOf(portClass, 31 - Math.clz32(sizes & -sizes)));
    }
  }

  /** Pushes the child filed under `key`, if there is one. */
  #openChild(node: number, key: number): void {
    const children = this.#children;
    for (let slot = hashChild(node, key) & this.#childMask; ; slot = (slot + 1) & this.#childMask) {
      const child = CHILD_WORDS * slot;
      if (children[child] === node && children[child + CHILD_KEY] === key) {
        this.#push(children[child + CHILD_FIRST]!, children[child + CHILD_REF]!);
        return;
      }
      if (children[child] === -1) return;
    }
  }

  #push(first: number, ref: Ref): void {
    const topFirst = this.#topFirst;
    if (first >= topFirst) {
      this.#pushBelow(first, ref);
      return;
    }
    if (topFirst !== END) this.#pushBelow(topFirst, this.#topRef);
    this.#topFirst = first;
    this.#topRef = ref;
  }

  #pushBelow(first: number, ref: Ref): void {
    const firsts = this.#firsts;
    const refs = this.#refs;
    let at = this.#waiting++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (firsts[parent]! <= first) break;
      firsts[at] = firsts[parent]!;
      refs[at] = refs[parent]!;
      at = parent;
    }
    firsts[at] = first;
    refs[at] = ref;
  }

  /** Removes the top; the smallest of the rest takes its place. */
  #dropTop(): void {
    if (this.#waiting === 0) {
      this.#topFirst = END;
      return;
    }
    const firsts = this.#firsts;
    const refs = this.#refs;
    this.#topFirst = firsts[0]!;
    this.#topRef = refs[0]!;
    const count = --this.#waiting;
    const first = firsts[count]!;
    let at = 0;
    for (let child = 1; child < count; child = 2 * at + 1) {
      if (child + 1 < count && firsts[child + 1]! < firsts[child]!) child++;
      if (firsts[child]! >= first) break;
      firsts[at] = firsts[child]!;
      refs[at] = refs[child]!;
      at = child;
    }
    firsts[at] = first;
    refs[at] = refs[count]!;
  }
}

function units(section: Int32Array): Uint16Array {
  return new Uint16Array(section.buffer, section.byteOffset, 2 * section.length);
}
