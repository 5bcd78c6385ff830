import { once } from 'node:events';
import type { Server } from 'node:net';
import { listenAbstract } from '@nfqlb/native';
import { UsageError } from '@nfqlb/options';
import { formatSocketAddress, isWildcard, type SocketAddress } from './socket-address.js';

export interface ListenOptions {
  /** Allows an address that stands for all of the machine's. Default: no. */
  readonly insecure?: boolean;
  /** What anybody who reaches the machine could do then, for the refusal. */
  readonly danger: string;
}

/**
 * Makes a server listen.
 *
 * @throws `UsageError` for an address that stands for all of the machine's, `NativeError` or a system error when it cannot be listened to
 */
export async function listen(server: Server, address: SocketAddress, { insecure = false, danger }: ListenOptions): Promise<void> {
  if (isWildcard(address) && !insecure) {
    throw new UsageError(
      'invalid-value',
      `${formatSocketAddress(address)}: anybody who reaches this machine could ${danger}: name one address, or give --insecure-listen`,
    );
  }
  if (address.kind === 'unix') server.listen({ fd: listenAbstract(address.name) });
  else server.listen({ host: address.host, port: address.port, ipv6Only: true });
  await once(server, 'listening');
  // A connection that cannot be taken, for want of descriptors say, is its client's loss: the load-balancer goes on.
  server.on('error', () => {});
}
