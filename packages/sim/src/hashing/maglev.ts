import { Permutations, populate } from '@nfqlb/core/maglev';
import type { Method } from './method.js';

/** What the load balancer does: Maglev, NSDI '16 §3.4, with its own tables' permutations. */
export const maglev: Method = {
  name: 'maglev',
  populate(buckets, targets) {
    const permutations = new Permutations(buckets, targets.length);
    targets.forEach((fwmark, slot) => {
      permutations.setFwmark(slot, fwmark);
    });
    const lookup = new Int32Array(buckets);
    // In order of fwmarks, as in a TargetTable, so that the order of activation does not matter.
    const turns = Array.from(targets.keys()).sort((a, b) => targets[a]! - targets[b]!);
    populate(lookup, permutations, turns, new Uint32Array(targets.length).fill(1));
    return lookup;
  },
};
