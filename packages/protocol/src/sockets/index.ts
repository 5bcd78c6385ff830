export { Access, type AccessOptions, groupNumber, readersOf } from './access.js';
export { listen, refuseWildcard } from './listen.js';
export { formatSocketAddress, parseSocketAddress, type SocketAddress } from './socket-address.js';
