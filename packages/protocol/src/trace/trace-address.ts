import { Option } from '@nfqlb/options';
import { parseSocketAddress, type SocketAddress } from '../sockets/socket-address.js';

/** Where a load balancer gives traces when it is told nothing else. */
export const DEFAULT_TRACE_ADDRESS: SocketAddress = { kind: 'unix', name: 'nfqlb-trace' };

/** `--trace_address`, without a default: whether it was given makes a difference to a load balancer. */
export function traceAddressOption(what: string): Option {
  return new Option('--trace_address <address>', `${what}: unix:NAME or tcp:ADDRESS:PORT (default: unix:nfqlb-trace)`).argParser(
    parseSocketAddress,
  );
}
