// The two histograms of a worker's loop. Their bounds are powers of two, so that finding a value's bucket takes one instruction.

/** Packets per batch: up to 1, 2, 4, … 256, the maximum. */
export const BATCH_BOUNDS: readonly number[] = Array.from({ length: 9 }, (_, i) => 2 ** i);

/** Microseconds per turn: less than 8, 16, … 131,072; the last bucket is for longer turns. */
export const TURN_BOUNDS: readonly number[] = Array.from({ length: 15 }, (_, i) => 8 * 2 ** i);

/** Index of the first of {@link BATCH_BOUNDS} that is not below `packets`, which is at least 1. */
export function batchBucket(packets: number): number {
  return 32 - Math.clz32(packets - 1);
}

/** Index of the first of {@link TURN_BOUNDS} above `microseconds`; their number if there is none. */
export function turnBucket(microseconds: number): number {
  const bucket = 29 - Math.clz32(microseconds);
  return bucket < 0 ? 0 : Math.min(bucket, TURN_BOUNDS.length);
}
