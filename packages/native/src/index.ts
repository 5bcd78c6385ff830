export { connectAbstract, listenAbstract } from './abstract-socket.js';
export { KERNEL_QUEUES, type KernelQueue, parseKernelQueues, readKernelQueues, readOwnQueues } from './kernel-queues.js';
export { NativeError } from './native-error.js';
export { userName } from './owner.js';
export { type PeerCredentials, peerCredentials } from './peer-credentials.js';
export { Queue, type QueueOptions } from './queue.js';
export { type OpenOptions, SharedMemory } from './shared-memory.js';
export { PacketWriter, Tun } from './tun.js';
export { Wakeup } from './wakeup.js';
