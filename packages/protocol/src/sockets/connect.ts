import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { createConnection, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectAbstract, NativeError } from '@nfqlb/native';
import type { SocketAddress } from './socket-address.js';

/** Timeout for connecting, and the retry interval while a unix listener's backlog is full. */
const TIMEOUT_MS = 5000;
const RETRY_INTERVAL_MS = 5;

/** Throws `NativeError` or a system error if nobody listens there. */
export async function connect(address: SocketAddress): Promise<Socket> {
  if (address.kind === 'unix') return connectUnix(address.name);
  const socket = createConnection(address.port, address.host);
  const deadline = setTimeout(() => socket.destroy(new Error(`no connection after ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  try {
    await once(socket, 'connect');
  } finally {
    clearTimeout(deadline);
  }
  return socket;
}

/** Why {@link connect} did not reach `where`, in one line; if nobody listens there, with the program to start. */
export function describeUnreached(where: string, cause: unknown, program: string): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return `${where}: nobody listens there in this network namespace; start ${program}`;
  return message.startsWith(where) ? message : `${where}: ${message}`;
}

async function connectUnix(name: string): Promise<Socket> {
  for (const begin = performance.now(); ; await sleep(RETRY_INTERVAL_MS)) {
    try {
      return socketOf(connectAbstract(name));
    } catch (error) {
      const isBusy = error instanceof NativeError && error.code === 'EAGAIN';
      if (!isBusy || performance.now() - begin > TIMEOUT_MS) throw error;
    }
  }
}

function socketOf(fd: number): Socket {
  try {
    return new Socket({ fd, readable: true, writable: true });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
