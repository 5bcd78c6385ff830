import { once } from 'node:events';
import { closeSync, fstatSync } from 'node:fs';
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

/** @throws `UsageError` for an address that stands for all of the machine's */
export function refuseWildcard(address: SocketAddress, { insecure = false, danger }: ListenOptions): void {
  if (insecure || !isWildcard(address)) return;
  throw new UsageError(
    'invalid-value',
    `${formatSocketAddress(address)}: anybody who reaches this machine could ${danger}: name one address, or give --insecure-listen`,
  );
}

/**
 * Makes a server listen.
 *
 * @throws `UsageError` for an address that stands for all of the machine's, `NativeError` or a system error when it cannot be listened to
 */
export async function listen(server: Server, address: SocketAddress, { insecure = false, danger }: ListenOptions): Promise<void> {
  refuseWildcard(address, { insecure, danger });
  if (address.kind === 'unix') await listenOn(server, listenAbstract(address.name));
  else {
    server.listen({ host: address.host, port: address.port, ipv6Only: true });
    await once(server, 'listening');
  }
  // A connection that cannot be taken, for want of descriptors say, is its client's loss: the load balancer goes on.
  server.on('error', () => {});
}

/** Hands a descriptor to a server, or closes it. */
async function listenOn(server: Server, fd: number): Promise<void> {
  const { ino } = fstatSync(fd);
  try {
    server.listen({ fd });
    await once(server, 'listening');
  } catch (error) {
    // Node closes it in some cases; the number may be another file's then.
    if (inodeOf(fd) === ino) closeSync(fd);
    throw error;
  }
}

function inodeOf(fd: number): number | undefined {
  try {
    return fstatSync(fd).ino;
  } catch {
    return undefined;
  }
}
