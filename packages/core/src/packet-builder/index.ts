export { crc32c, internetChecksum } from './checksum.js';
export { type PacketBuilder, packet } from './packet-builder.js';
