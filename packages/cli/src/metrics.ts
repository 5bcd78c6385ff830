// Serving metrics, apart from the programs: every command would start later for the HTTP server and the client library that few need.
export { serveMetrics } from './metrics/metrics-server.js';
