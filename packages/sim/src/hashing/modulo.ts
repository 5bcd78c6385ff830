import type { Method } from './method.js';

/** No consistent hashing: the bucket modulo the number of targets. */
export const modulo: Method = {
  name: 'modulo',
  populate: (buckets, targets) => Int32Array.from({ length: buckets }, (_, bucket) => bucket % targets.length),
};
