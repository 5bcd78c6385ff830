import { CoreError } from '../core-error.js';
import type { HashKey } from '../hash/half-siphash.js';
import type { PacketKey } from '../key/packet-key.js';
import type { ConnectionSet } from '../transition/connection-set.js';
import { NONE } from './populate.js';
import type { TargetTable } from './target-table.js';
import { type FormerTargetsCopy, Transitions, type WATCHED } from './transitions.js';

/**
 * A target table for deciding packets: bucket → fwmark, a private copy that no other process changes.
 *
 * Call `refresh` between two batches, so that all packets of a batch see one consistent table: never a bucket without a target while there are
 * targets, never a slot of one table with the fwmark of another. One array access per packet is also faster than separate ones for slot and
 * fwmark.
 */
export class FwmarkLookup {
  /** Number of buckets. */
  readonly M: number;
  /** In the table of a load balancer tier, the fwmark of this load balancer; otherwise 0. */
  readonly ownFwmark: number;
  /** As in {@link TargetTable.hashKey}. */
  readonly hashKey: HashKey | undefined;
  /** Fwmark by bucket, or −1 for no target. */
  readonly fwmarks: Int32Array;
  /** The same, or {@link WATCHED} for a bucket whose packets need a closer look. {@link refresh} may replace it. */
  steady: Int32Array;
  /** Where old connections go; absent if none are remembered. */
  readonly transitions: Transitions | undefined;

  readonly #table: TargetTable;
  readonly #active: Int32Array;
  #generation: number | undefined;

  /**
   * @param connections the remembered connections; without them, all packets go by the table alone
   * @param id number of the table among those that share `connections`
   * @throws {@link CoreError} `not-a-table` if another program is just writing the table
   */
  constructor(table: TargetTable, connections?: ConnectionSet, id: number = 0) {
    this.#table = table;
    this.M = table.M;
    this.hashKey = table.hashKey;
    this.ownFwmark = table.ownFwmark;
    this.fwmarks = new Int32Array(table.M);
    this.#active = new Int32Array(table.N);
    this.steady = this.fwmarks;
    this.transitions = connections && new Transitions(this.fwmarks, connections, id);
    // What C nfqlb will finally write follows from `active`. The lookup of our own writers is adopted below, whatever its generation is.
    const active = snapshot(table.active);
    const lookup = this.#computeLookup(active);
    if (!lookup) throw new CoreError('not-a-table', 'not a target table: invalid permutation rows');
    // Truncated since it was opened: zeros, which would be a table without targets.
    if (!table.intact) throw new CoreError('not-a-table', 'not a target table: its header has changed');
    this.#take(lookup, active, Transitions.read(table.formerTargets));
    this.refresh();
  }

  /**
   * Hash of a packet, 32 bits, signed.
   *
   * @param portsOnly of the ports alone, which all paths of a multihomed SCTP association share
   */
  hash(key: PacketKey, portsOnly: boolean): number {
    const { hashKey } = this;
    if (hashKey === undefined) return portsOnly ? key.hashPorts() : key.hashAll();
    return portsOnly ? key.hashPortsKeyed(hashKey[0], hashKey[1]) : key.hashAllKeyed(hashKey[0], hashKey[1]);
  }

  /** Hash of its two addresses, which all fragments of a datagram share. */
  hashAddresses(key: PacketKey): number {
    const { hashKey } = this;
    return hashKey === undefined ? key.hashAddresses() : key.hashAddressesKeyed(hashKey[0], hashKey[1]);
  }

  /** The fwmark for a hash (32 bits, signed or not), or −1. */
  choose(hash: number): number {
    return this.fwmarks[(hash >>> 0) % this.M]!;
  }

  /**
   * Adopts changes since the last call. Without changes, it costs about N loads, and allocates nothing.
   *
   * @returns whether anything had changed
   */
  refresh(): boolean {
    const changed = this.#adopt();
    const { transitions } = this;
    if (transitions?.isDue) {
      transitions.settle();
      this.steady = transitions.steady;
    }
    return changed;
  }

  #adopt(): boolean {
    // The memory no longer contains this table: keep the copy until the new table is mapped.
    if (!this.#table.intact) return false;
    const { generation } = this.#table;
    // Odd: being written. Keep the copy; the next batch will see the new table.
    if (generation !== undefined && (generation & 1) !== 0) return false;
    const counted = generation !== this.#generation;
    // C nfqlb changes `active`, and then, over some time and in place, `lookup`, without a generation. What it will finally write follows from
    // `active` alone.
    if (!counted && !this.#activeDiffers()) return false;
    const active = snapshot(this.#table.active);
    const written = counted ? snapshot(this.#table.lookup) : undefined;
    // Any program of this user can write there, so use only a valid lookup.
    const lookup = written && isLookup(written, active) ? written : this.#computeLookup(active);
    const former = counted && this.transitions ? Transitions.read(this.#table.formerTargets) : undefined;
    // If a writer has started meanwhile, the data may be a mix of two tables.
    if (!lookup || this.#table.generation !== generation || !this.#table.intact) return false;
    this.#take(lookup, active, former);
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

  #take(lookup: Int32Array, active: Int32Array, former: FormerTargetsCopy | undefined): void {
    for (let bucket = 0; bucket < lookup.length; bucket++) {
      const slot = lookup[bucket]!;
      this.fwmarks[bucket] = slot < 0 ? NONE : active[slot]!;
    }
    this.#active.set(active);
    if (this.transitions === undefined) return;
    this.transitions.take(active, former);
    this.steady = this.transitions.steady;
  }
}

/** Whether all buckets have an active slot, or none has a slot. */
function isLookup(lookup: Int32Array, active: Int32Array): boolean {
  if (lookup[0] === NONE) return lookup.every((slot) => slot === NONE);
  return lookup.every((slot) => slot >= 0 && slot < active.length && active[slot]! >= 0);
}

/**
 * Copies shared words, each atomically. `slice()` copies octets: while a writer replaced −1 with 107, it once returned 0x00ffffff.
 */
function snapshot(shared: Int32Array): Int32Array {
  const copy = new Int32Array(shared.length);
  for (let i = 0; i < copy.length; i++) copy[i] = Atomics.load(shared, i);
  return copy;
}
