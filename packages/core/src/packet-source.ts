import type { PacketBatch } from './packet-batch.js';

/**
 * A source of packets, which takes their verdicts: a kernel queue, a capture, a fake.
 *
 * The loop is always the same: `receive`, decide every packet of the batch, `settle`.
 */
export interface PacketSource {
  /** `receive` fills it, the caller writes verdicts to it, `settle` reads them. */
  readonly batch: PacketBatch;

  /**
   * Fills the batch from its first entry, in order of arrival.
   *
   * @returns the number of packets; 0 if the source was woken or timed out; {@link END} after the last packet
   */
  receive(): number | Promise<number>;

  /** Applies the verdicts of the first `count` packets. Every packet received must be settled exactly once, in order of arrival. */
  settle(count: number): void;
}

/** There are no more packets. */
export const END = -1;
