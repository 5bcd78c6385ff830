import { once } from 'node:events';
import { createConnection, Socket } from 'node:net';
import { connectAbstract } from '@nfqlb/native';
import type { SocketAddress } from './socket-address.js';

/** How long a TCP connection may take, in milliseconds. */
const PATIENCE = 5000;

/** Throws `NativeError` or a system error when nobody listens there. */
export async function connect(address: SocketAddress): Promise<Socket> {
  if (address.kind === 'unix') return new Socket({ fd: connectAbstract(address.name), readable: true, writable: true });
  const socket = createConnection(address.port, address.host);
  const deadline = setTimeout(() => socket.destroy(new Error(`no connection after ${PATIENCE} ms`)), PATIENCE);
  try {
    await once(socket, 'connect');
  } finally {
    clearTimeout(deadline);
  }
  return socket;
}
