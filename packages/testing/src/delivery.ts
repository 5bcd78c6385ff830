import { extractKey, PacketKey } from '@nfqlb/core';
import { describeDecision, describeKey } from '@nfqlb/core/explanation';
import { etherTypeOf } from './simulated/simulated-world.js';
import type { Target } from './target.js';
import type { Outcome } from './world.js';
import type { WorldName } from './world-name.js';

/** A packet that was sent, and where it went. */
export class Delivery {
  /** Its place in what was sent, from 1. */
  readonly number: number;
  /** As it was sent, from its IP header on. */
  readonly bytes: Uint8Array;
  /** Where the packet before it of its connection went; `undefined` if there was none. */
  readonly before: Target | undefined;
  readonly #outcome: Outcome;
  readonly #target: (fwmark: number) => Target | undefined;
  readonly #world: WorldName;

  /** @internal */
  constructor(
    number: number,
    bytes: Uint8Array,
    outcome: Outcome,
    before: Target | undefined,
    target: (fwmark: number) => Target | undefined,
    world: WorldName,
  ) {
    this.number = number;
    this.bytes = bytes;
    this.before = before;
    this.#outcome = outcome;
    this.#target = target;
    this.#world = world;
  }

  /** The target that it reached; `undefined` if it reached none, or waits for other fragments. */
  get target(): Target | undefined {
    const { fwmark } = this.#outcome;
    return fwmark === undefined ? undefined : this.#target(fwmark);
  }

  /** Number of the load balancer that took it, from 1. */
  get loadBalancer(): number {
    return this.#outcome.loadBalancer;
  }

  /** The table that the core looks it up in; `undefined` if it looks in none. */
  get table(): string | undefined {
    return this.#outcome.decision.table;
  }

  /** Identifies its connection. ICMP errors belong to the one they are about. */
  get connection(): string | undefined {
    return this.#outcome.connection;
  }

  /** Such as `tcp 10.0.0.2:4711 -> 10.0.0.1:80`. */
  get packet(): string {
    const key = new PacketKey();
    return describeKey(extractKey(key, this.bytes, 0, this.bytes.length, etherTypeOf(this.bytes), 0), key);
  }

  /** Why it goes where it goes, as `nfqlb explain` says it. What is live is explained by a simulation beside it. */
  get explanation(): string {
    const { decision } = this.#outcome;
    const why = describeDecision(decision);
    if (this.#world === 'simulated') return why;
    const expected = decision.fwmark < 0 ? undefined : this.#target(decision.fwmark);
    return expected === this.target ? why : `simulated, it goes to ${nameOf(expected)}: ${why}`;
  }
}

export function nameOf(target: Target | undefined): string {
  return target ? `${target.name} (fwmark ${target.fwmark})` : 'no target';
}
