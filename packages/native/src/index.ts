export { connectAbstract, listenAbstract } from './abstract-socket.js';
export { NativeError } from './native-error.js';
export { userName } from './owner.js';
export { type PeerCredentials, peerCredentials } from './peer-credentials.js';
export { Queue, type QueueOptions } from './queue.js';
export { type OpenOptions, SharedMemory } from './shared-memory.js';
export { Tun, writePacket } from './tun.js';
export { Wakeup } from './wakeup.js';
