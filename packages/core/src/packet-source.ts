import type { PacketBatch } from './packet-batch.js';

/**
 * Where packets come from and verdicts go: a kernel queue, a capture, a fake.
 *
 * The loop is always the same: `receive`, decide every packet of the batch, `settle`.
 */
export interface PacketSource {
  /** Filled by `receive`, answered by the caller, read by `settle`. */
  readonly batch: PacketBatch;

  /**
   * Fills the batch from its first entry on, in arrival order.
   *
   * @returns how many packets came; 0 when the source was woken, or waited long enough; {@link END} when none will come any more
   */
  receive(): number | Promise<number>;

  /** Takes the answers to the first `count` packets. Every packet received is settled exactly once, in arrival order. */
  settle(count: number): void;
}

/** No packet will come any more. */
export const END = -1;
