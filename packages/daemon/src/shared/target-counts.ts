// What each target got, by its fwmark: one table a worker, in memory that it shares with the main thread.
//
//      0 | i32 key[SLOTS]                         |  the fwmark + 1, modulo 2³²; 0 for a free slot
//        | f64 count[SLOTS + 1][packets, octets]  |  the last is that of all who found no slot
//
// Open addressing. A key is written once and never goes, so that the reader needs no lock: it may see a key whose counts are still zero.

import type { Count } from '@nfqlb/protocol/status';

/** Fwmarks that are counted each by itself; those that come later are counted together. Half of the slots: a search stays short. */
export const MAX_TARGETS = 4096;

const SLOTS = 2 * MAX_TARGETS;
const MASK = SLOTS - 1;
/** Of a product's 32 bits, the highest 13 choose the slot. */
const SHIFT = 32 - Math.log2(SLOTS);
const KEYS = SLOTS * Int32Array.BYTES_PER_ELEMENT;

/** Octets of one worker's table. */
const LENGTH = KEYS + 2 * (SLOTS + 1) * Float64Array.BYTES_PER_ELEMENT;

/** Cache lines are not shared. */
const STRIDE = Math.ceil(LENGTH / 64) * 64;

/** Memory for the tables of so many workers. */
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

  /** @param fwmark from 0 up */
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

/** What all workers have counted. */
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
