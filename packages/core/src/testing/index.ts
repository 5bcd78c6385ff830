export { type PacketBuilder, packet } from './packet.js';
