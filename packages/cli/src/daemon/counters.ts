import { REASON_NAMES } from '@nfqlb/core';

/** What one worker has counted, or the sum of what several have. */
export interface Counts {
  /** Packets decided. */
  readonly packets: number;
  /** Batches received with at least one packet. */
  readonly batches: number;
  /** Packets that got a fwmark, and that did not, by `Reason`. */
  readonly accepted: readonly number[];
  readonly dropped: readonly number[];
  /** Stored fragments that were sent through the tun device, and that it refused. */
  readonly reinjected: number;
  readonly notReinjected: number;
  /** Errors that the kernel answered to verdicts: packets that were no longer there. */
  readonly verdictErrors: number;
}

// Doubles: whole numbers up to 2⁵³ are exact, and an aligned one is written and read whole on 64-bit machines.
const PACKETS = 0;
const BATCHES = 1;
const VERDICT_ERRORS = 2;
const REINJECTED = 3;
const NOT_REINJECTED = 4;
const ACCEPTED = 5;
const DROPPED = ACCEPTED + REASON_NAMES.length;
/** Doubles a worker takes, a multiple of a cache line (8), so that workers do not write to each other's lines. */
const STRIDE = Math.ceil((DROPPED + REASON_NAMES.length) / 8) * 8;

/** The counters of all workers, in memory that they share with the main thread. Each worker writes only its own. */
export class Counters {
  readonly memory: SharedArrayBuffer;

  constructor(workers: number) {
    this.memory = new SharedArrayBuffer(workers * STRIDE * Float64Array.BYTES_PER_ELEMENT);
  }

  /** The sum over all workers, as of now. */
  sum(): Counts {
    const all = new Float64Array(this.memory);
    const total = (field: number): number => {
      let sum = 0;
      for (let at = field; at < all.length; at += STRIDE) sum += all[at]!;
      return sum;
    };
    return {
      packets: total(PACKETS),
      batches: total(BATCHES),
      accepted: REASON_NAMES.map((_, reason) => total(ACCEPTED + reason)),
      dropped: REASON_NAMES.map((_, reason) => total(DROPPED + reason)),
      reinjected: total(REINJECTED),
      notReinjected: total(NOT_REINJECTED),
      verdictErrors: total(VERDICT_ERRORS),
    };
  }
}

/** One worker's own counters. */
export class WorkerCounters {
  readonly #own: Float64Array;

  constructor(memory: SharedArrayBuffer, worker: number) {
    this.#own = new Float64Array(memory, worker * STRIDE * Float64Array.BYTES_PER_ELEMENT, STRIDE);
  }

  countBatch(count: number): void {
    this.#own[PACKETS]! += count;
    this.#own[BATCHES]!++;
  }

  /** @param mark what was answered: a fwmark, or a negative number for a drop */
  count(mark: number, reason: number): void {
    this.#own[(mark >= 0 ? ACCEPTED : DROPPED) + reason]!++;
  }

  countReinjected(sent: boolean): void {
    this.#own[sent ? REINJECTED : NOT_REINJECTED]!++;
  }

  setVerdictErrors(errors: number): void {
    this.#own[VERDICT_ERRORS] = errors;
  }
}
