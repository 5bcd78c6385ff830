import { Option } from '@nfqlb/options';
import { parseSocketAddress, type SocketAddress } from '../sockets/socket-address.js';

/** Default address of a load balancer for trace clients. */
export const DEFAULT_TRACE_ADDRESS: SocketAddress = { kind: 'unix', name: 'nfqlb-trace' };

/** `--trace_address`, without a default: a load balancer must know whether it was given. */
export function traceAddressOption(what: string): Option {
  return new Option('--trace_address <address>', `${what}: unix:NAME or tcp:ADDRESS:PORT (default: unix:nfqlb-trace)`).argParser(
    parseSocketAddress,
  );
}
