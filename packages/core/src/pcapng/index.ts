export { type CapturedPacket, pcapngHeader, pcapngPacket } from './pcapng-writer.js';
