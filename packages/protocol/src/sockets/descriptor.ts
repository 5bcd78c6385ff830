import type { Server, Socket } from 'node:net';

/** The descriptor of a socket that Node has open; `undefined` if it is closed. Node has no public way to ask. */
export function descriptorOf(socket: Socket | Server): number | undefined {
  return (socket as unknown as { readonly _handle: { readonly fd: number } | null })._handle?.fd;
}
