import type { ReplayedBalancerOptions } from '../replay/replayed-balancer.js';
import type { FlowTally } from '../replay/replayed-flows.js';
import type { SharedBatchMemory } from './shared-batch.js';

/** What a job (job-worker.ts) needs to decide its packets. */
export interface JobTask {
  /** From 0. */
  readonly job: number;
  readonly turns: SharedArrayBuffer;
  readonly batches: readonly SharedBatchMemory[];
  readonly balancer: ReplayedBalancerOptions;
  /** Values of `--at`. */
  readonly changes: readonly string[];
  /** Whether records are wanted, and blocks of an annotated capture. */
  readonly records: boolean;
  readonly blocks: boolean;
}

/** What a job says: first that it is there, at the end what its flows matched. */
export type JobMessage = 'ready' | readonly FlowTally[];
