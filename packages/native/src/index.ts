export { connectAbstract, listenAbstract } from './abstract-socket.js';
export { bpf } from './bpf.js';
export {
  type Capability,
  capabilityNames,
  hasCapability,
  keepOnly,
  type Privileges,
  parsePrivileges,
  readAllPrivileges,
  readPrivileges,
} from './capabilities.js';
export { connectSocket, PollSet, type SocketKind, socketError } from './connection.js';
export { DescriptorMemory } from './descriptor-memory.js';
export { tryLock } from './file-lock.js';
export { interfaceIndex } from './interface-index.js';
export { KERNEL_QUEUES, type KernelQueue, parseKernelQueues, readKernelQueues, readOwnQueues } from './kernel-queues.js';
export { clockOffset, machineTime } from './machine-time.js';
export { NativeError } from './native-error.js';
export { userName } from './owner.js';
export { receiveDescriptors, sendDescriptors } from './passing.js';
export { type PeerCredentials, peerCredentials } from './peer-credentials.js';
export { Queue, type QueueOptions } from './queue.js';
export { type Scheduling, scheduleAsWorker } from './scheduling.js';
export { sendNotification } from './service-notification.js';
export { type OpenOptions, SharedMemory } from './shared-memory.js';
export { PacketWriter, Tun } from './tun.js';
export { Wakeup } from './wakeup.js';
export { Watchdog } from './watchdog.js';
