export { Capture, type CaptureBatch } from './capture.js';
export { formatTime } from './capture-time.js';
export type { PacketStream } from './packet-stream.js';
export { PcapWriter } from './pcap-writer.js';
export { pcapngHeader, pcapngPacket } from './pcapng-writer.js';
