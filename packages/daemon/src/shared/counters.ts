import { REASON_NAMES } from '@nfqlb/core';
import type { Count, Counts } from '@nfqlb/protocol/status';
import { BATCH_BOUNDS, batchBucket, TURN_BOUNDS, turnBucket } from './loop-histogram.js';
import { sumTargetCounts, TargetCounts, targetCountsMemory } from './target-counts.js';

// Doubles: integers up to 2⁵³ are exact, and aligned doubles are read and written atomically on 64-bit machines.
const PACKETS = 0;
const BATCHES = 1;
const VERDICT_ERRORS = 2;
const REINJECTED = 3;
const NOT_REINJECTED = 4;
const TURNS = 5;
const BUSY = 6;
const LONGEST_TURN = 7;
// Two per reason: packets and octets.
const ACCEPTED = 8;
const DROPPED = ACCEPTED + 2 * REASON_NAMES.length;
const BATCH_SIZES = DROPPED + 2 * REASON_NAMES.length;
const TURN_TIMES = BATCH_SIZES + BATCH_BOUNDS.length + 1;
/** Doubles per worker: a multiple of a cache line (8), so that workers do not write to each other's lines. */
const STRIDE = Math.ceil((TURN_TIMES + TURN_BOUNDS.length + 1) / 8) * 8;

/** Memory of the counters, in a form that can be passed to a thread. */
export interface CountersMemory {
  readonly counters: SharedArrayBuffer;
  readonly targets: SharedArrayBuffer;
}

/** The counters of all workers, in memory shared with the main thread. Each worker writes only its own. */
export class Counters {
  readonly memory: CountersMemory;
  readonly #workers: number;

  constructor(workers: number) {
    this.#workers = workers;
    this.memory = {
      counters: new SharedArrayBuffer(workers * STRIDE * Float64Array.BYTES_PER_ELEMENT),
      targets: targetCountsMemory(workers),
    };
  }

  /** The current sum over all workers. */
  sum(): Counts {
    return this.#read(0, this.#workers);
  }

  /** Counts of one worker. */
  of(worker: number): Counts {
    return this.#read(worker, 1);
  }

  /** By worker: the longest turn since the last call, in microseconds. */
  takeLongestTurns(): number[] {
    const all = new Float64Array(this.memory.counters);
    return Array.from({ length: this.#workers }, (_, worker) => {
      const at = worker * STRIDE + LONGEST_TURN;
      const longest = all[at]!;
      all[at] = 0;
      return longest;
    });
  }

  /** Counts of each target, by fwmark; and the sum for targets that have no counters of their own. */
  targets(): { readonly targets: Map<number, Count>; readonly others: Count } {
    return sumTargetCounts(this.memory.targets);
  }

  #read(first: number, workers: number): Counts {
    const all = new Float64Array(this.memory.counters, first * STRIDE * Float64Array.BYTES_PER_ELEMENT, workers * STRIDE);
    const total = (field: number): number => {
      let sum = 0;
      for (let at = field; at < all.length; at += STRIDE) sum += all[at]!;
      return sum;
    };
    const byReason = (field: number): number[] => REASON_NAMES.map((_, reason) => total(field + 2 * reason));
    const buckets = (field: number, count: number): number[] => Array.from({ length: count }, (_, bucket) => total(field + bucket));
    return {
      packets: total(PACKETS),
      batches: total(BATCHES),
      accepted: byReason(ACCEPTED),
      dropped: byReason(DROPPED),
      acceptedOctets: byReason(ACCEPTED + 1),
      droppedOctets: byReason(DROPPED + 1),
      reinjected: total(REINJECTED),
      notReinjected: total(NOT_REINJECTED),
      verdictErrors: total(VERDICT_ERRORS),
      turns: total(TURNS),
      batchSizes: { buckets: buckets(BATCH_SIZES, BATCH_BOUNDS.length + 1), sum: total(PACKETS) },
      turnTimes: { buckets: buckets(TURN_TIMES, TURN_BOUNDS.length + 1), sum: total(BUSY) },
    };
  }
}

/** One worker's own counters. */
export class WorkerCounters {
  readonly #own: Float64Array;
  readonly #targets: TargetCounts;
  /** Of the process that was taken over from. */
  #earlierErrors = 0;

  constructor({ counters, targets }: CountersMemory, worker: number) {
    this.#own = new Float64Array(counters, worker * STRIDE * Float64Array.BYTES_PER_ELEMENT, STRIDE);
    this.#targets = new TargetCounts(targets, worker);
  }

  /** Goes on with the counts of another process, which are in the memory now. */
  adopt(): void {
    this.#earlierErrors = this.#own[VERDICT_ERRORS]!;
    this.#targets.adopt();
  }

  /**
   * @param count packets in the batch; 0 for a turn without packets
   * @param clock times when they were received, and of the last verdict, in milliseconds: `Queue.clock`
   */
  countTurn(count: number, clock: Float64Array): void {
    const own = this.#own;
    const microseconds = (clock[1]! - clock[0]!) * 1000;
    own[TURNS]!++;
    if (microseconds > own[LONGEST_TURN]!) own[LONGEST_TURN] = microseconds;
    if (count === 0) return;
    own[PACKETS]! += count;
    own[BATCHES]!++;
    own[BUSY]! += microseconds;
    own[BATCH_SIZES + batchBucket(count)]!++;
    own[TURN_TIMES + turnBucket(microseconds)]!++;
  }

  /**
   * @param mark the decision: a fwmark, or a negative number for a drop
   * @param octets of the whole packet
   */
  count(mark: number, reason: number, octets: number): void {
    const own = this.#own;
    const at = (mark >= 0 ? ACCEPTED : DROPPED) + 2 * reason;
    own[at]!++;
    own[at + 1]! += octets;
    if (mark >= 0) this.#targets.count(mark, octets);
  }

  countReinjected(sent: boolean): void {
    this.#own[sent ? REINJECTED : NOT_REINJECTED]!++;
  }

  setVerdictErrors(errors: number): void {
    this.#own[VERDICT_ERRORS] = this.#earlierErrors + errors;
  }
}
