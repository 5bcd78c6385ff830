export { readFragmentStatistics } from './fragment-statistics.js';
export { monotonicNow } from './monotonic-clock.js';
