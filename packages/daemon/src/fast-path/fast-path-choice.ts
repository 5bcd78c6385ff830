import type { Cidr } from '@nfqlb/core/address';

/** What is to be decided in the kernel (`--fast`). */
export interface FastPathChoice {
  /** At whose ingress packets are decided. */
  readonly interfaces: readonly string[];
  /** Destinations to decide for: those that lead to the queue. */
  readonly vips: readonly Cidr[];
  /** Leave the program in the kernel at the end, deciding by its last state. */
  readonly keep: boolean;
}
