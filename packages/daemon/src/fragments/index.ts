export { readFragmentStatistics } from './fragment-statistics.js';
