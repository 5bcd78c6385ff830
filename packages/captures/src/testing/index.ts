export { pcap, type Record } from './capture-builder.js';
export { ListedPackets } from './listed-packets.js';
