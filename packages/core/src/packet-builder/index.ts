export { type PacketBuilder, packet } from './packet-builder.js';
