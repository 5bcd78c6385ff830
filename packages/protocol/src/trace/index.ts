export { ALL_AREAS, AREA_NAMES, Area, areaNames, formatMask, PACKET_AREAS, selection, traceMask } from './areas.js';
export { Level, LogConfig, logConfigName, MAX_LEVEL } from './log-config.js';
export { DEFAULT_TRACE_ADDRESS, traceAddressOption } from './trace-address.js';
export { followTrace, TraceError } from './trace-client.js';
export type { SentPacket } from './trace-message.js';
export { TRACE_DANGER, TraceServer } from './trace-server.js';
