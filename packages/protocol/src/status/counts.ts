// What a load balancer counts, as its status tells it.

/** Packets, and their octets with IP headers. */
export interface Count {
  readonly packets: number;
  readonly octets: number;
}

/** What a flow has matched. */
export interface FlowCount extends Count {
  readonly name: string;
  /** Its target table. */
  readonly target: string;
}

/** How often a value fell into each bucket, and the sum of all values. */
export interface Histogram {
  /** By bucket, not summed up; the last is that of values above all bounds. */
  readonly buckets: readonly number[];
  readonly sum: number;
}

/** What one worker has counted, or the sum of what several have. */
export interface Counts {
  /** Packets decided. */
  readonly packets: number;
  /** Batches received with at least one packet. */
  readonly batches: number;
  /** Packets that got a fwmark, and that did not, by `Reason`; and their octets. */
  readonly accepted: readonly number[];
  readonly dropped: readonly number[];
  readonly acceptedOctets: readonly number[];
  readonly droppedOctets: readonly number[];
  /** Stored fragments that were sent through the tun device, and that it refused. */
  readonly reinjected: number;
  readonly notReinjected: number;
  /** Errors that the kernel answered to verdicts: packets that were no longer there. */
  readonly verdictErrors: number;
  /** How often the loop came round, also without packets. */
  readonly turns: number;
  /** Packets of a batch. */
  readonly batchSizes: Histogram;
  /** Microseconds that a turn with packets took, from taking them to the last verdict. */
  readonly turnTimes: Histogram;
}
