export { Counters, WorkerCounters } from './counters.js';
