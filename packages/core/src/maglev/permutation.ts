// Each slot has its own order of preference for the buckets (Maglev, NSDI 2016, §3.4): (offset + j·skip) mod M. Because M is prime, any skip from
// 1 to M−1 visits every bucket once.

import { murmur3 } from '../hash/murmur3.js';
import { cRand } from './c-rand.js';

/** How a table's permutations are generated. */
export type PermutationKind = 'fwmark' | 'nfqlb';

/**
 * Maximum M for kind `nfqlb`. C nfqlb computes `offset + j·skip` in 32 bits; above this, the sum wraps, rows are no longer permutations, and C nfqlb
 * itself crashes on them. (With M = 65537, slot 55773 would be the first to wrap; a table with so many slots takes 14 GB.)
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
   * Kind `fwmark`: the order depends only on the fwmark, so that all load balancers with the same targets build the same table, in whatever order the
   * targets were added.
   *
   *     offset = murmur3(fwmark, seed 0) mod M
   *     skip   = murmur3(fwmark, seed 1) mod (M − 1) + 1
   *
   * This must never change, because load balancers of different versions run side by side (vectors in permutation.test.ts).
   */
  setFwmark(slot: number, fwmark: number): void {
    this.offset[slot] = (murmur3(fwmark, 0) >>> 0) % this.M;
    this.skip[slot] = ((murmur3(fwmark, 1) >>> 0) % (this.M - 1)) + 1;
  }

  /** Kind `nfqlb`: sets all slots as C nfqlb does for a new table. */
  setAllNfqlb(): void {
    const rand = cRand();
    for (let slot = 0; slot < this.offset.length; slot++) {
      this.offset[slot] = rand() % this.M;
      this.skip[slot] = (rand() % (this.M - 1)) + 1;
    }
  }

  /**
   * Reads a slot's permutation from a row written by {@link fillRow} or C nfqlb.
   *
   * @returns false for an invalid row, as in a table that C nfqlb is about to write
   */
  setRow(slot: number, row: Uint32Array): boolean {
    const offset = row[0]!;
    const skip = (row[1]! - offset + this.M) % this.M;
    this.offset[slot] = offset;
    this.skip[slot] = skip;
    return offset < this.M && row[1]! < this.M && skip !== 0;
  }

  /** Writes a slot's permutation: all M buckets in order of preference. */
  fillRow(slot: number, row: Uint32Array): void {
    let bucket = this.offset[slot]!;
    for (let j = 0; j < this.M; j++) {
      row[j] = bucket;
      bucket += this.skip[slot]!;
      if (bucket >= this.M) bucket -= this.M;
    }
  }
}
