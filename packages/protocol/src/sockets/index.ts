export { Access, type AccessOptions, groupNumber, readersOf } from './access.js';
export { formatSocketAddress, parseSocketAddress, type SocketAddress } from './socket-address.js';
