import type { Slots } from './slots.js';

/**
 * What decides packets, compiled for the maps of the kernel's program. Plain data: it can be compiled in another thread and sent over. The layouts
 * are those of the structs in program/fast-path.bpf.c.
 */
export interface Decision {
  /** Names of the flows in order of precedence, encapsulation flows included: indexes as in core's `FlowLookup` of the same set. */
  readonly names: readonly string[];
  /** Shared-memory names of the target tables, indexed as by core's `FlowLookup.targetOf`; one without a name for {@link compileTable}. */
  readonly targets: readonly string[];
  /** By flow: index of its target table. */
  readonly tables: Uint32Array;
  /** Addresses → where a decision begins, or a number for source prefixes. `struct prefix`. */
  readonly prefixes: Slots;
  /** Prefix lengths to search for. `struct prefix_length`. */
  readonly lengths: Uint32Array;
  /** By port: its class as a destination port and as a source port, 16 bits each; empty if no flow asks for ports. `struct port`. */
  readonly ports: Uint32Array;
  /** By place: which field it asks for, and where packets go that no branch leads on. `struct place`. */
  readonly places: Uint32Array;
  /** Hash table: place and value → next place. `struct branch`. */
  readonly branches: Slots;
  /** Whether any place asks for the source. */
  readonly asksSources: boolean;
  /** Promiscuous ping: all echo requests to VIPs go to the queue. */
  readonly queuePings: boolean;
  /** Flows of which some or all packets go to the queue, and why. */
  readonly unfit: readonly UnfitFlow[];
}

/** A flow that the kernel cannot decide, or not for all its packets. */
export interface UnfitFlow {
  readonly name: string;
  /** `match`: it has a byte match; `udpencap`: its SCTP is in UDP, or may be; `room`: it overlaps with too many others in too many ways. */
  readonly why: 'match' | 'udpencap' | 'room';
}
