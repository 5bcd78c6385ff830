// The two histograms of a worker's loop. Their bounds are powers of two, so that a value's bucket costs one instruction.

/** Packets of a batch: up to 1, 2, 4, … 256, which is the most. */
export const BATCH_BOUNDS: readonly number[] = Array.from({ length: 9 }, (_, i) => 2 ** i);

/** Microseconds of a turn: less than 8, 16, … 131,072; the last bucket has what took longer. */
export const TURN_BOUNDS: readonly number[] = Array.from({ length: 15 }, (_, i) => 8 * 2 ** i);

/** Which of {@link BATCH_BOUNDS} is the first that is not below `packets`, from 1 up. */
export function batchBucket(packets: number): number {
  return 32 - Math.clz32(packets - 1);
}

/** Which of {@link TURN_BOUNDS} is the first above `microseconds`; their number when none is. */
export function turnBucket(microseconds: number): number {
  const bucket = 29 - Math.clz32(microseconds);
  return bucket < 0 ? 0 : Math.min(bucket, TURN_BOUNDS.length);
}
