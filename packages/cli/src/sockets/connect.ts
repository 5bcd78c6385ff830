import { once } from 'node:events';
import { createConnection, Socket } from 'node:net';
import { connectAbstract } from '@nfqlb/native';
import type { SocketAddress } from './socket-address.js';

/** Throws `NativeError` or a system error when nobody listens there. */
export async function connect(address: SocketAddress): Promise<Socket> {
  if (address.kind === 'unix') return new Socket({ fd: connectAbstract(address.name), readable: true, writable: true });
  const socket = createConnection(address.port, address.host);
  await once(socket, 'connect');
  return socket;
}
