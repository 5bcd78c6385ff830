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

/** What {@link FlowLookup.find} answers when no flow matches. */
export const NO_FLOW = -1;

/**
 * Finds the flow of a packet in a compiled flow set (flow-tree.ts has the idea). It has some arrays of its own to search with,
 * so each thread has one; the memory is only read. Finding allocates nothing and throws nothing.
 *
 * The places that wait to be searched are a heap, by the first flow that each has. The top is next: of a node, all
 * children that the packet goes into join the heap; of a leaf, flows are tried as long as they come before all that waits.
 */
export class FlowLookup {
  /** Flows, those included that lead to others. They are numbered from 0, the first to win. */
  readonly count: number;
  /** Target tables that flows lead to. */
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

  /** Of all that waits, the place with the least first flow; its first flow is {@link END} when nothing waits. */
  #topFirst = END;
  #topRef: Ref = END;
  /** The others, a heap. Most often there are none. */
  readonly #firsts: Int32Array;
  readonly #refs: Int32Array;
  #waiting = 0;

  /**
   * @param memory what `compileFlows` gave
   * @throws `CoreError` `not-a-table` for any other
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
    // A packet meets a flow on one path, so it meets a place once.
    this.#firsts = new Int32Array(words[Header.Places]!);
    this.#refs = new Int32Array(words[Header.Places]!);
    this.targets = words[Header.Targets]!;
  }

  /**
   * The first flow that matches a packet, or {@link NO_FLOW}.
   *
   * If {@link encapPortOf} that flow is not 0, it is no answer: the key is to be extracted again with that port as the one
   * of SCTP in UDP, and what is found then counts, {@link NO_FLOW} too. It is never such a flow again.
   *
   * A later fragment has no ports and finds no flow: its first fragment did.
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

  /** UDP port at which a packet that matched `flow` is to be looked up again; 0 when the flow is the answer. */
  encapPortOf(flow: number): number {
    return this.#flows[FLOW_WORDS * flow + FLOW_ENCAP_PORT]!;
  }

  /** Which of {@link targets} a flow leads to, from 0 on. */
  targetOf(flow: number): number {
    return this.#flows[FLOW_WORDS * flow + FLOW_TARGET]!;
  }

  /** The name of a flow; not for the hot path. */
  nameOf(flow: number): string {
    return nameIn(this.#names, this.count + this.targets, flow);
  }

  /** Names of target tables, by what {@link targetOf} gives; not for the hot path. */
  get targetNames(): string[] {
    return Array.from({ length: this.targets }, (_, target) => this.targetNameOf(target));
  }

  /** One of {@link targetNames}. */
  targetNameOf(target: number): string {
    return this.nameOf(this.count + target);
  }

  /** Lets all children of a node wait that the packet goes into. */
  #open(ref: Ref, key: PacketKey, protocol: ProtocolClass): void {
    const nodes = this.#nodes;
    const node = ref & ~1;
    const anyFirst = nodes[node + NODE_ANY_FIRST]!;
    if (ref === node && anyFirst !== END) {
      this.#push(anyFirst, nodes[node + NODE_ANY]!);
      const restFirst = nodes[node + NODE_REST_FIRST]!;
      // It may have the answer before any child is looked for.
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

  /** Lets the child under `key` wait, if there is one. */
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

  /** Takes the top away, and makes the least of the heap the top. */
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
