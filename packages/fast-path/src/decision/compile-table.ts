import type { Cidr } from '@nfqlb/core/address';
import type { Decision } from './decision.js';

/** One target table for all packets to these VIPs. */
export function compileTable(_vips: readonly Cidr[]): Decision {
  throw new Error('to follow');
}
