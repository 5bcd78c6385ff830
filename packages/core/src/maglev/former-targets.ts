import { EXT_HEADER, EXT_LATEST, type Layout } from './layout.js';
import { NONE } from './populate.js';

/** How a change treats the connections of buckets that get another target. */
export interface Drain {
  /** Current time, in milliseconds, by a clock that all programs of the machine share and that nobody sets. */
  readonly now: number;
  /** How long they keep their former target at least, in seconds; 0 not at all. */
  readonly seconds: number;
}

/** Maximum of {@link Drain.seconds}: a day. */
export const MAX_DRAIN_S = 86_400;

/**
 * The part of a shared target table that says where old connections go (layout.ts; docs/decisions/0009-transitions.md).
 *
 * A bucket whose target changes is *in transition* until a deadline. Meanwhile it keeps the target from before the first of these changes. A
 * connection that began earlier and is not otherwise known can only be at that one, however often the bucket changes again. A further change only moves
 * the deadline.
 */
export class FormerTargets {
  /** Shared memory: may change at any time, and may contain anything. */
  readonly former: Int32Array;
  readonly deadline: Float64Array;
  readonly draining: Int32Array;
  readonly #latest: Float64Array;

  constructor(memory: ArrayBufferLike, layout: Layout, M: number, N: number) {
    this.former = new Int32Array(memory, layout.former, M);
    this.deadline = new Float64Array(memory, layout.deadline, M);
    this.draining = new Int32Array(memory, layout.draining, N);
    this.#latest = new Float64Array(memory, layout.extension, EXT_HEADER / 8);
  }

  /** When the last transition ends or ended; 0 if there was none. */
  get latest(): number {
    return this.#latest[EXT_LATEST]!;
  }

  /** Prepares the memory of a new table. */
  clear(): void {
    this.former.fill(NONE);
    this.draining.fill(NONE);
  }

  /**
   * Notes a change that is being published.
   *
   * @param before fwmark by bucket
   * @param after fwmark by bucket
   * @param active the active fwmarks before
   */
  change(before: Int32Array, after: Int32Array, active: readonly number[], { now, seconds }: Drain): void {
    const { former, deadline } = this;
    // C nfqlb may have deactivated some of the former targets.
    const alive = new Set([...active, ...this.draining]);
    const until = now + seconds * 1000;
    let { latest } = this;
    for (let bucket = 0; bucket < before.length; bucket++) {
      const inTransition = former[bucket]! >= 0 && deadline[bucket]! > now && alive.has(former[bucket]!);
      const changes = before[bucket] !== after[bucket];
      if (!inTransition) {
        // Without a target before, there are no connections to keep.
        former[bucket] = changes ? before[bucket]! : NONE;
        deadline[bucket] = former[bucket] === NONE ? 0 : until;
      } else if (changes) deadline[bucket] = Math.max(deadline[bucket]!, until);
      if (deadline[bucket]! > latest) latest = deadline[bucket]!;
    }
    this.#latest[EXT_LATEST] = latest;
  }

  /**
   * Notes which targets are inactive from now on, and whether their connections keep them.
   *
   * @param active the active fwmarks from now on
   * @param left fwmarks that this change deactivates, and that drain
   * @param cut fwmarks whose connections are lost
   */
  leave(active: ReadonlySet<number>, left: readonly number[], cut: readonly number[]): void {
    const staying = [...this.draining].filter(
      (fwmark) => fwmark >= 0 && !active.has(fwmark) && !left.includes(fwmark) && !cut.includes(fwmark),
    );
    // If there are too many, those that have been draining for longest lose their last connections.
    const draining = [...staying, ...left].slice(-this.draining.length);
    for (let i = 0; i < this.draining.length; i++) Atomics.store(this.draining, i, draining[i] ?? NONE);
    if (this.latest === 0) return;
    // Otherwise connections would go back to these if they were activated again before the deadline.
    for (let bucket = 0; bucket < this.former.length; bucket++) {
      const fwmark = this.former[bucket]!;
      if (fwmark >= 0 && !active.has(fwmark) && !draining.includes(fwmark)) this.former[bucket] = NONE;
    }
  }
}
