// Each slot prefers the buckets in an order of its own (Maglev, NSDI 2016, §3.4): (offset + j·skip) mod M. M being prime,
// any skip from 1 to M−1 meets every bucket once.

import { murmur3 } from '../hash/murmur3.js';
import { cRand } from './c-rand.js';

/** Where a table's permutations come from. */
export type PermutationKind = 'fwmark' | 'nfqlb';

/**
 * Largest M for kind `nfqlb`. C nfqlb computes `offset + j·skip` in 32 bits; above this the sum wraps, rows are no
 * permutations any more, and C itself crashes on them. (At M = 65537 slot 55773 would be the first to wrap; a table that
 * has it takes 14 GB.)
 */
export const NFQLB_MAX_BUCKETS = 65537;

/** The permutations of N slots over M buckets. */
export class Permutations {
  readonly M: number;
  /** By slot, 0 to M−1. */
  readonly offset: Uint32Array;
  /** By slot, 1 to M−1. */
  readonly skip: Uint32Array;

  constructor(M: number, N: number) {
    this.M = M;
    this.offset = new Uint32Array(N);
    this.skip = new Uint32Array(N);
  }

  /**
   * Kind `fwmark`: the order depends on the fwmark alone, so that every load balancer that has the same targets builds
   * the same table, whatever the order in which they came.
   *
   *     offset = murmur3(fwmark, seed 0) mod M
   *     skip   = murmur3(fwmark, seed 1) mod (M − 1) + 1
   *
   * Load balancers of different versions stand side by side: this never changes (vectors in permutation.test.ts).
   */
  setFwmark(slot: number, fwmark: number): void {
    this.offset[slot] = (murmur3(fwmark, 0) >>> 0) % this.M;
    this.skip[slot] = ((murmur3(fwmark, 1) >>> 0) % (this.M - 1)) + 1;
  }

  /** Kind `nfqlb`: all slots as C nfqlb draws them for a new table. */
  setAllNfqlb(): void {
    const rand = cRand();
    for (let slot = 0; slot < this.offset.length; slot++) {
      this.offset[slot] = rand() % this.M;
      this.skip[slot] = (rand() % (this.M - 1)) + 1;
    }
  }

  /**
   * Reads a slot's permutation back from the row that {@link fillRow} (or C nfqlb) wrote.
   *
   * @returns false for a row that is none, as in a table that C nfqlb is about to write
   */
  setRow(slot: number, row: Uint32Array): boolean {
    const offset = row[0]!;
    const skip = (row[1]! - offset + this.M) % this.M;
    this.offset[slot] = offset;
    this.skip[slot] = skip;
    return offset < this.M && row[1]! < this.M && skip !== 0;
  }

  /** Writes a slot's permutation out, all M buckets in order of preference. */
  fillRow(slot: number, row: Uint32Array): void {
    let bucket = this.offset[slot]!;
    for (let j = 0; j < this.M; j++) {
      row[j] = bucket;
      bucket += this.skip[slot]!;
      if (bucket >= this.M) bucket -= this.M;
    }
  }
}
