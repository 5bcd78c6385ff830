import { parseSocketAddress, type SocketAddress } from '../sockets/socket-address.js';

/** The address for flow commands: the environment variable `NFQLB_FLOW_ADDRESS`, or `unix:nfqlb`. Throws `UsageError`. */
export function flowAddress(): SocketAddress {
  return parseSocketAddress(process.env.NFQLB_FLOW_ADDRESS ?? 'unix:nfqlb');
}
