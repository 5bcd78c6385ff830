export { describeArrival } from './packet-line.js';
