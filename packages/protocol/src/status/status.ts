// What a running load balancer tells about itself, as JSON: to `nfqlb top`, and to whom it serves /metrics. Counts are those since it began.

import type { Count, Counts, FlowCount } from './counts.js';

/** Changes when a reader of another version would misread it. */
export const STATUS_FORMAT = 1;

export interface Status {
  readonly format: typeof STATUS_FORMAT;
  /** `nfqlb-0.1.0`. */
  readonly version: string;
  /** `lb` or `flowlb`. */
  readonly command: string;
  readonly pid: number;
  /** For how long it has been running, in seconds. */
  readonly uptime: number;
  /** Why it is not healthy, in words; empty when it is. */
  readonly problems: readonly string[];
  readonly queues: readonly QueueStatus[];
  /** Targets that are active in a table in use, or got packets not long ago; by fwmark. */
  readonly targets: readonly TargetStatus[];
  /** What went to targets for which there was no room to count each by itself. */
  readonly otherTargets: Count;
  /** In the order in which they are looked at; absent where there are none (`lb`). */
  readonly flows?: readonly FlowCount[];
  /** How often the flows were changed. */
  readonly flowChanges?: number;
  readonly tables: readonly TableStatus[];
  /** By the names of `nfqlb stats`. */
  readonly fragments: Readonly<Record<string, number>>;
}

/** A queue as the kernel sees it, and its worker. */
export interface QueueStatus {
  readonly queue: number;
  /** Packets that may wait in it. */
  readonly length: number;
  /** Whether the kernel hands its packets to this program. */
  readonly bound: boolean;
  /** Packets that wait for a verdict. */
  readonly waiting: number;
  /** Packets that the kernel dropped because the queue was full, and because the socket was. */
  readonly queueDropped: number;
  readonly socketDropped: number;
  /** For how long the worker's loop has made no turn, in seconds; 0 while it turns. */
  readonly stalled: number;
  readonly counts: Counts;
}

export interface TargetStatus extends Count {
  readonly fwmark: number;
  /** Whether it is in a table that is in use. */
  readonly active: boolean;
}

export interface TableStatus {
  readonly name: string;
  /** Whether there is a table of that name now; the rest is 0 when not. */
  readonly present: boolean;
  readonly buckets: number;
  /** Active ones. */
  readonly targets: number;
  /** Changes since it was made; absent for a table that C nfqlb made, which does not count them. */
  readonly changes?: number;
}
