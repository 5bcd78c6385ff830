import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/** A server on a free port of the loopback, which is closed with its connections. */
export async function listening<T extends Server>(server: T): Promise<{ readonly server: T; readonly port: number } & AsyncDisposable> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => open.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    server,
    port: (server.address() as { port: number }).port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A TCP server that does this with each connection. */
export function tcpServer(serve: (socket: Socket) => void): ReturnType<typeof listening<Server>> {
  return listening(
    createServer((socket) => {
      socket.on('error', () => {});
      serve(socket);
    }),
  );
}

/** A port of the loopback where nobody listens. */
export async function freePort(): Promise<number> {
  await using server = await tcpServer(() => {});
  return server.port;
}
