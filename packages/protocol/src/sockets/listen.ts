import { once } from 'node:events';
import { closeSync, fstatSync } from 'node:fs';
import type { Server } from 'node:net';
import { listenAbstract } from '@nfqlb/native';
import { UsageError } from '@nfqlb/options';
import { formatSocketAddress, isWildcard, type ListeningPlace, type SocketAddress } from './socket-address.js';

export interface ListenOptions {
  /** Allows a wildcard address. Default: no. */
  readonly insecure?: boolean;
  /** What anyone who can reach the machine could then do, for the refusal. */
  readonly danger: string;
}

/** @throws `UsageError` for a wildcard address */
export function refuseWildcard(address: SocketAddress, { insecure = false, danger }: ListenOptions): void {
  if (insecure || !isWildcard(address)) return;
  throw new UsageError(
    'invalid-value',
    `${formatSocketAddress(address)}: anybody who reaches this machine could ${danger}: name one address, or give --insecure-listen`,
  );
}

/**
 * Makes a server listen at an address.
 *
 * @throws `UsageError` for a wildcard address, `NativeError` or a system error if it cannot listen there
 */
export async function listen(server: Server, address: ListeningPlace, { insecure = false, danger }: ListenOptions): Promise<void> {
  if (address.kind !== 'passed') refuseWildcard(address, { insecure, danger });
  if (address.kind === 'passed') await listenOn(server, address.fd);
  else if (address.kind === 'unix') await listenOn(server, listenAbstract(address.name));
  else {
    server.listen({ host: address.host, port: address.port, ipv6Only: true });
    await once(server, 'listening');
  }
  // If a connection cannot be accepted, for example because of missing descriptors, the load balancer keeps running.
  server.on('error', () => {});
}

/** Passes a descriptor to a server, or closes it on failure. */
async function listenOn(server: Server, fd: number): Promise<void> {
  const { ino } = fstatSync(fd);
  try {
    server.listen({ fd });
    await once(server, 'listening');
  } catch (error) {
    // In some cases, Node has closed it, and the number may belong to another file now.
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
