import type { Cidr } from '@nfqlb/core/address';
import type { FlowSet } from '@nfqlb/core/flows';
import type { Decision } from './decision.js';

export interface CompileOptions {
  /**
   * Destinations to decide for; packets to others are left alone. These are the addresses that queue rules lead to a queue: the program sees all
   * packets of an interface, also those that never come to the queue.
   */
  readonly vips: readonly Cidr[];
  /** Promiscuous ping is on: echo requests go to the queue. Default false. */
  readonly promiscuousPing?: boolean;
  /** Entries of the hash table of branches that flows may take. Default 2²⁰. What does not fit goes to the queue. */
  readonly maxBranches?: number;
}

/** Compiles flows, each with its target table. Takes about as long as core's `compileFlows`: for thousands of flows, use another thread. */
export function compileFlows(_flows: FlowSet, _options: CompileOptions): Decision {
  throw new Error('to follow');
}
