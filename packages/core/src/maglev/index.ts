export { CoreError, type CoreErrorCode } from '../core-error.js';
export { type HashKey, nameHash } from '../hash/half-siphash.js';
export { type Drain, MAX_DRAIN_S } from './former-targets.js';
export { FwmarkLookup } from './fwmark-lookup.js';
export { type PermutationKind, Permutations } from './permutation.js';
export { populate } from './populate.js';
export { MAX_BUCKETS, MIN_BUCKETS, primeBelow } from './prime.js';
export { MAX_FWMARK, MAX_WEIGHT, type TableOptions, type Target, TargetTable } from './target-table.js';
export { WATCHED } from './transitions.js';
