import { CoreError } from '../core-error.js';
import { NONE } from './populate.js';
import type { TargetTable } from './target-table.js';

/**
 * A target table as packets read it: bucket → fwmark, a private copy that no other process changes.
 *
 * `refresh` is called between two batches, so that all packets of a batch meet one whole table: never a bucket without a
 * target while there are targets, never a slot of one table with the fwmark of another. With one array read a packet it
 * is also faster than slot and fwmark apart.
 */
export class FwmarkLookup {
  /** Buckets. */
  readonly M: number;
  /** In the table of a load balancer tier, the fwmark of this load balancer; else 0. */
  readonly ownFwmark: number;
  /** By bucket: the fwmark, or −1 for no target. */
  readonly fwmarks: Int32Array;

  readonly #table: TargetTable;
  readonly #active: Int32Array;
  #generation: number | undefined;

  /** @throws {@link CoreError} `not-a-table` for one that C nfqlb is just writing */
  constructor(table: TargetTable) {
    this.#table = table;
    this.M = table.M;
    this.ownFwmark = table.ownFwmark;
    this.fwmarks = new Int32Array(table.M);
    this.#active = new Int32Array(table.N);
    // The generation first: what changes after it, refresh() takes up.
    this.#generation = table.generation;
    const active = snapshot(table.active);
    const lookup = this.#computeLookup(active);
    if (!lookup) throw new CoreError('not-a-table', 'not a target table: invalid permutation rows');
    this.#take(lookup, active);
    this.refresh();
  }

  /** The fwmark for a hash (32 bits, signed or not), or −1. */
  choose(hash: number): number {
    return this.fwmarks[(hash >>> 0) % this.M]!;
  }

  /**
   * Takes up what changed since the last call. Costs about N loads when nothing did, and allocates nothing then.
   *
   * @returns whether anything had changed
   */
  refresh(): boolean {
    // Memory that holds this table no longer: the last copy is the best there is, until somebody maps the new one.
    if (!this.#table.intact) return false;
    const { generation } = this.#table;
    // Odd: being written. The table in hand is whole; the next batch will see the new one.
    if (generation !== undefined && (generation & 1) !== 0) return false;
    const counted = generation !== this.#generation;
    // C nfqlb changes `active` and then, over a while and in place, `lookup`, and counts no generation. What it will have
    // written when it is done follows from `active` alone.
    if (!counted && !this.#activeDiffers()) return false;
    const active = snapshot(this.#table.active);
    const written = counted ? snapshot(this.#table.lookup) : undefined;
    // Any program of this user can write there: what no change would have written is not used.
    const lookup = written && isLookup(written, active) ? written : this.#computeLookup(active);
    // Somebody has begun to write meanwhile: what was read may be half of one table and half of another.
    if (!lookup || this.#table.generation !== generation || !this.#table.intact) return false;
    this.#take(lookup, active);
    this.#generation = generation;
    return true;
  }

  #activeDiffers(): boolean {
    const { active } = this.#table;
    for (let slot = 0; slot < active.length; slot++) if (active[slot] !== this.#active[slot]) return true;
    return false;
  }

  #computeLookup(active: Int32Array): Int32Array | undefined {
    const weights = Array.from(active, (fwmark, slot) => this.#table.weightOf(slot, fwmark));
    return this.#table.computeLookup(active, weights);
  }

  #take(lookup: Int32Array, active: Int32Array): void {
    for (let bucket = 0; bucket < lookup.length; bucket++) {
      const slot = lookup[bucket]!;
      this.fwmarks[bucket] = slot < 0 ? NONE : active[slot]!;
    }
    this.#active.set(active);
  }
}

/** Whether every bucket leads to an active slot, or none to any. */
function isLookup(lookup: Int32Array, active: Int32Array): boolean {
  if (lookup[0] === NONE) return lookup.every((slot) => slot === NONE);
  return lookup.every((slot) => slot >= 0 && slot < active.length && active[slot]! >= 0);
}

/**
 * A copy of shared words, each of them whole. `slice()` copies octets: under a writer that replaces −1 by 107 it was seen
 * to give 0x00ffffff.
 */
function snapshot(shared: Int32Array): Int32Array {
  const copy = new Int32Array(shared.length);
  for (let i = 0; i < copy.length; i++) copy[i] = Atomics.load(shared, i);
  return copy;
}
