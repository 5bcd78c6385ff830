import type { Method } from './method.js';
import { mix } from './mix.js';

/** Highest random weight (Thaler and Ravishankar, 1998): a bucket goes to the target with which it has the highest hash. */
export const rendezvous: Method = {
  name: 'rendezvous',
  populate(buckets, targets) {
    const lookup = new Int32Array(buckets);
    for (let bucket = 0; bucket < buckets; bucket++) {
      let best = 0;
      let highest = -1;
      for (let i = 0; i < targets.length; i++) {
        const weight = mix(targets[i]!, bucket);
        // Equal weights: the smaller fwmark, whatever the order.
        if (weight < highest || (weight === highest && targets[i]! > targets[best]!)) continue;
        highest = weight;
        best = i;
      }
      lookup[bucket] = best;
    }
    return lookup;
  },
};
