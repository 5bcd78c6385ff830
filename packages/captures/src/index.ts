// Needs no module of Node, and runs in a browser; file.ts, another entry point, opens files.

export { openBlobSource } from './blob-source.js';
export type { ByteSource } from './byte-source.js';
export { Capture, type CaptureBatch, type CaptureOptions } from './capture.js';
export { CaptureError, type CaptureErrorCode } from './capture-error.js';
export { type CaptureTime, formatTime } from './capture-time.js';
export type { PacketStream } from './packet-stream.js';
export { PcapWriter } from './pcap-writer.js';
export { pcapngHeader, pcapngPacket } from './pcapng-writer.js';
