// Counters of a load balancer, as reported in its status.

/** Packets, and their octets including IP headers. */
export interface Count {
  readonly packets: number;
  readonly octets: number;
}

/** Matches of a flow. */
export interface FlowCount extends Count {
  readonly name: string;
  /** Its target table. */
  readonly target: string;
}

/** Number of values in each bucket, and the sum of all values. */
export interface Histogram {
  /** By bucket, not cumulative; the last one is for values above all bounds. */
  readonly buckets: readonly number[];
  readonly sum: number;
}

/** Counts of one worker, or the sum for several. */
export interface Counts {
  /** Packets decided. */
  readonly packets: number;
  /** Batches received with at least one packet. */
  readonly batches: number;
  /** Packets that got a fwmark, and those that did not, by `Reason`; and their octets. */
  readonly accepted: readonly number[];
  readonly dropped: readonly number[];
  readonly acceptedOctets: readonly number[];
  readonly droppedOctets: readonly number[];
  /** Stored fragments that were sent through the tun device, and those that it refused. */
  readonly reinjected: number;
  readonly notReinjected: number;
  /** Verdicts that the kernel refused, because the packet was gone. */
  readonly verdictErrors: number;
  /** Turns of the loop, including those without packets. */
  readonly turns: number;
  /** Packets per batch. */
  readonly batchSizes: Histogram;
  /** Microseconds per turn with packets, from receiving them to the last verdict. */
  readonly turnTimes: Histogram;
}
