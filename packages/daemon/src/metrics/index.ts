export { type MetricsAddress, metricsAddress } from './metrics-address.js';
