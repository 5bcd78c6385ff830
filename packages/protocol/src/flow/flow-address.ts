import { parseSocketAddress, type SocketAddress } from '../sockets/socket-address.js';

/** Where flow commands go: as `NFQLB_FLOW_ADDRESS` in the environment says, or `unix:nfqlb`. Throws `UsageError`. */
export function flowAddress(): SocketAddress {
  return parseSocketAddress(process.env.NFQLB_FLOW_ADDRESS ?? 'unix:nfqlb');
}
