import type { ConnectionSet } from '../transition/connection-set.js';
import { type FormerTargets, MAX_DRAIN_S } from './former-targets.js';
import { FwmarkSet } from './fwmark-set.js';
import { NONE } from './populate.js';

/** In `FwmarkLookup.steady`: a bucket in transition, or one in which remembered connections still have another target. */
export const WATCHED = -2;

const MAX_DRAIN_MS = MAX_DRAIN_S * 1000;

/**
 * After a transition, how often to see which remembered connections are left, in milliseconds; and for how long even those are kept whose target
 * is that of the bucket, because other workers may adopt a change, or notice a deadline, a little later.
 */
const SWEEP_MS = 10_000;

/** A copy of a table's former targets, made by {@link Transitions.read}. */
export interface FormerTargetsCopy {
  readonly former: Int32Array;
  readonly deadline: Float64Array;
  readonly draining: readonly number[];
}

/** Which buckets of a target table are in transition: a private copy for deciding packets, part of a `FwmarkLookup`. */
export class Transitions {
  /** Fwmark by bucket: a copy of the table's, with {@link WATCHED} for buckets whose packets need a closer look. */
  steady: Int32Array;
  /** Former fwmark of a bucket in transition, or −1. Empty if there was none so far. */
  former: Int32Array = new Int32Array(0);
  readonly id: number;
  /** When {@link settle} is due next, in milliseconds, if nothing happens. */
  #due = Number.POSITIVE_INFINITY;

  readonly #fwmarks: Int32Array;
  readonly #connections: ConnectionSet;
  #deadline: Float64Array = new Float64Array(0);
  #draining: readonly number[] = [];
  #alive = new FwmarkSet([]);
  #changedAt = 0;
  #adoptions = 0;

  /**
   * @param fwmarks by bucket, kept up to date by the caller
   * @param id number of the table among those that share `connections`
   */
  constructor(fwmarks: Int32Array, connections: ConnectionSet, id: number) {
    this.#fwmarks = fwmarks;
    this.#connections = connections;
    this.id = id;
    this.steady = fwmarks;
  }

  /** The current time, in milliseconds. */
  get now(): number {
    return this.#connections.now;
  }

  /** Whether {@link settle} is due: by the clock, or because all connections are others. */
  get isDue(): boolean {
    return this.now >= this.#due || this.#connections.adoptions !== this.#adoptions;
  }

  /** Whether connections may have this target: it is active or draining. */
  isAlive(fwmark: number): boolean {
    return this.#alive.has(fwmark);
  }

  /** Copies what the table says; `undefined` if no change ever kept connections. The caller checks that no writer was at work. */
  static read(table: FormerTargets | undefined): FormerTargetsCopy | undefined {
    if (table === undefined || table.latest === 0) return undefined;
    return { former: table.former.slice(), deadline: table.deadline.slice(), draining: [...table.draining] };
  }

  /**
   * Adopts a change of the table.
   *
   * @param active fwmarks
   * @param copy `undefined` if C nfqlb made the change: it deactivates targets, but knows nothing of transitions
   */
  take(active: Int32Array, copy: FormerTargetsCopy | undefined): void {
    if (copy) {
      this.former = copy.former;
      this.#deadline = copy.deadline;
      this.#draining = copy.draining;
    }
    this.#alive = new FwmarkSet([...active, ...this.#draining]);
    this.#changedAt = this.now;
    this.settle();
  }

  /** Ends the transitions whose deadline has passed, and stops watching buckets in which no remembered connection has another target. */
  settle(): void {
    const { former } = this;
    const fwmarks = this.#fwmarks;
    this.#adoptions = this.#connections.adoptions;
    this.#due = Number.POSITIVE_INFINITY;
    this.steady = fwmarks;
    // A table without transitions costs nothing more.
    if (former.length === 0) return;
    const steady = fwmarks.slice();
    for (let bucket = 0; bucket < former.length; bucket++) {
      const fwmark = former[bucket]!;
      if (fwmark < 0) continue;
      const left = this.#deadline[bucket]! - this.now;
      // Any program of this user can write there, so it may be anything.
      if (!(left > 0 && left <= MAX_DRAIN_MS) || !this.isAlive(fwmark)) {
        former[bucket] = NONE;
        continue;
      }
      steady[bucket] = WATCHED;
      this.#due = Math.min(this.#due, this.#deadline[bucket]!);
    }
    if (this.#connections.occupied) this.#watchRemembered(steady);
    if (this.#due !== Number.POSITIVE_INFINITY) this.steady = steady;
  }

  #watchRemembered(steady: Int32Array): void {
    const fwmarks = this.#fwmarks;
    const isQuiet = this.now - this.#changedAt > SWEEP_MS;
    let isLeft = false;
    this.#connections.sweep(this.id, (hash, fwmark, seconds, hasEnded) => {
      const bucket = hash % fwmarks.length;
      // If its target was lost, its next packet finds that out, and it is forgotten. It may also have begun after a change that this worker does not
      // know yet, so it stays until it is silent.
      // One that has ended may begin anew, which must be seen: otherwise the new one would be taken for the old one in the next transition.
      if (fwmark !== fwmarks[bucket] || hasEnded) steady[bucket] = WATCHED;
      else if (isQuiet && this.former[bucket] === NONE && !(this.now - this.#deadline[bucket]! <= SWEEP_MS)) return false;
      if (!this.isAlive(fwmark) && seconds * 1000 > SWEEP_MS) return false;
      isLeft = true;
      return true;
    });
    if (isLeft) this.#due = Math.min(this.#due, this.now + SWEEP_MS);
  }
}
