export { internetChecksum } from './checksum.js';
export { type PacketBuilder, packet } from './packet-builder.js';
