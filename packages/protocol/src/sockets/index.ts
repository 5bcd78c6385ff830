export { Access, type AccessOptions, groupNumber, readersOf } from './access.js';
export { descriptorOf } from './descriptor.js';
export { listen, refuseWildcard } from './listen.js';
export { formatSocketAddress, type ListeningPlace, parseSocketAddress, type SocketAddress } from './socket-address.js';
