// Packets and octets of each target, by fwmark: one table per worker, in memory shared with the main thread.
//
//      0 | i32 key[SLOTS]                         |  the fwmark + 1, modulo 2³²; 0 for a free slot
//        | f64 count[SLOTS + 1][packets, octets]  |  the last is for all fwmarks without a slot
//
// Open addressing. A key is written once and never removed, so that the reader needs no lock: it may see a key whose counts are still zero.

import type { Count } from '@nfqlb/protocol/status';

/** Fwmarks that are counted individually; later ones are counted together. Half the number of slots, so that searches stay short. */
export const MAX_TARGETS = 4096;

const SLOTS = 2 * MAX_TARGETS;
const MASK = SLOTS - 1;
/** The highest 13 of a product's 32 bits choose the slot. */
const SHIFT = 32 - Math.log2(SLOTS);
const KEYS = SLOTS * Int32Array.BYTES_PER_ELEMENT;

/** Length of one worker's table, in octets. */
const LENGTH = KEYS + 2 * (SLOTS + 1) * Float64Array.BYTES_PER_ELEMENT;

/** Tables do not share cache lines. */
const STRIDE = Math.ceil(LENGTH / 64) * 64;

/** Memory for the tables of this many workers. */
export function targetCountsMemory(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(workers * STRIDE);
}

/** A worker's own table. */
export class TargetCounts {
  readonly #keys: Int32Array;
  readonly #counts: Float64Array;
  #used = 0;

  constructor(memory: SharedArrayBuffer, worker: number) {
    this.#keys = new Int32Array(memory, worker * STRIDE, SLOTS);
    this.#counts = new Float64Array(memory, worker * STRIDE + KEYS, 2 * (SLOTS + 1));
  }

  /** Goes on with the counts of another process, which are in the memory now. */
  adopt(): void {
    this.#used = this.#keys.reduce((used, key) => used + (key === 0 ? 0 : 1), 0);
  }

  /** @param fwmark 0 or greater */
  count(fwmark: number, octets: number): void {
    const at = 2 * this.#slotOf((fwmark + 1) | 0);
    this.#counts[at]!++;
    this.#counts[at + 1]! += octets;
  }

  #slotOf(key: number): number {
    const keys = this.#keys;
    let slot = Math.imul(key, 0x9e3779b1) >>> SHIFT;
    for (;;) {
      const found = keys[slot]!;
      if (found === key) return slot;
      if (found === 0) return this.#claim(slot, key);
      slot = (slot + 1) & MASK;
    }
  }

  #claim(slot: number, key: number): number {
    if (this.#used === MAX_TARGETS) return SLOTS;
    this.#used++;
    this.#keys[slot] = key;
    return slot;
  }
}

/** Sums the counts of all workers. */
export function sumTargetCounts(memory: SharedArrayBuffer): { readonly targets: Map<number, Count>; readonly others: Count } {
  const targets = new Map<number, Count>();
  let others: Count = { packets: 0, octets: 0 };
  for (let begin = 0; begin < memory.byteLength; begin += STRIDE) {
    const keys = new Int32Array(memory, begin, SLOTS);
    const counts = new Float64Array(memory, begin + KEYS, 2 * (SLOTS + 1));
    const plus = ({ packets, octets }: Count, slot: number): Count => ({
      packets: packets + counts[2 * slot]!,
      octets: octets + counts[2 * slot + 1]!,
    });
    others = plus(others, SLOTS);
    keys.forEach((key, slot) => {
      if (key === 0) return;
      const fwmark = (key >>> 0) - 1;
      targets.set(fwmark, plus(targets.get(fwmark) ?? { packets: 0, octets: 0 }, slot));
    });
  }
  return { targets, others };
}
