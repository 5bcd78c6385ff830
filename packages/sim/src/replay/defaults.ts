import type { FragmentTableOptions } from '@nfqlb/core';
import type { ReplayedBalancerOptions, ReplayedTable } from './replayed-balancer.js';

/** Name of the table where none is given, as everywhere in nfqlb. */
export const DEFAULT_TABLE = 'nfqlb';

/** As in `--targets`. */
export const DEFAULT_TARGETS = '101,102,103,104';

/** The table of `nfqlb init`. */
export const TABLE_DEFAULTS: Required<Pick<ReplayedTable, 'M' | 'N' | 'permutation'>> = { M: 997, N: 32, permutation: 'fwmark' };

/** The fragment table of `nfqlb lb`. */
export const FRAGMENT_DEFAULTS: FragmentTableOptions = { size: 500, buckets: 500, fragments: 100, mtu: 1500, ttl: 200, holes: 0 };

/** How packets are decided by `nfqlb lb` and `flowlb`. */
export const DECISION_DEFAULTS: Required<NonNullable<ReplayedBalancerOptions['balancer']>> = {
  hashMode: 1,
  udpEncapPort: 0,
  noTargetsFwmark: -1,
  noFlowFwmark: -1,
  drainsOthers: false,
};
