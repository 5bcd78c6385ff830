export { formatSocketAddress, parseSocketAddress, type SocketAddress } from './socket-address.js';
