import { createServer, type Server, type Socket } from 'node:net';
import { type Access, type Rights, refusal } from './access.js';
import { listen } from './listen.js';
import type { SocketAddress } from './socket-address.js';

/** Of the clients that may connect at a time, the share that may be waiting to read that they are refused. */
const REFUSED_SHARE = 1 / 8;

export interface ServiceOptions {
  /** Who may use a unix socket. */
  readonly access: Access;
  /** The right that a client needs at least. */
  readonly needs: 'read' | 'full';
  /** What it does here, as in `may not change flows`. */
  readonly purpose: string;
  /** What anybody who reaches the machine could do if it listened on all addresses. */
  readonly danger: string;
  /** Allows that. Default: no. */
  readonly insecure?: boolean;
  /** Clients at a time; more are disconnected. */
  readonly maxClients: number;
  /** How long a client may take to read the last thing it is sent, in milliseconds. */
  readonly timeoutMs: number;
  /** Keeps a connection open for the reply after the client has ended its side. Default: no. */
  readonly allowHalfOpen?: boolean;
  /** Writes a refusal in the service's own format. */
  readonly formatRefusal: (reason: string) => Buffer | string;
}

/** A client that is connected. It cannot make the server fail, and leaves when its time is up. */
export class ServedClient {
  readonly socket: Socket;
  readonly rights: Rights;
  readonly #timeoutMs: number;
  #deadline: NodeJS.Timeout | undefined;

  constructor(socket: Socket, rights: Rights, timeoutMs: number) {
    this.socket = socket;
    this.rights = rights;
    this.#timeoutMs = timeoutMs;
    // A client may go away at any time.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.clearDeadline());
  }

  /**
   * Sets the time that the client has for its next step, in place of the time it had. Not `socket.setTimeout`, which starts again with each octet.
   *
   * @param expired default: disconnects the client
   */
  setDeadline(milliseconds: number, expired: () => void = () => this.socket.destroy()): void {
    this.clearDeadline();
    this.#deadline = setTimeout(expired, milliseconds);
  }

  clearDeadline(): void {
    clearTimeout(this.#deadline);
  }

  /** Sends the last thing. Whatever else the client sends is read and dropped. */
  end(reply: Buffer | string = ''): void {
    this.setDeadline(this.#timeoutMs);
    this.socket.end(reply);
    this.socket.resume();
  }
}

/**
 * Serves clients on an address. Those without the right to be there are told so, in few places of their own, and never reach `serve`.
 *
 * @throws as {@link listen}
 */
export async function serve(address: SocketAddress, options: ServiceOptions, serveClient: (client: ServedClient) => void): Promise<Server> {
  const { access, needs, purpose, danger, insecure, maxClients, timeoutMs, allowHalfOpen = false, formatRefusal } = options;
  let refused = 0;
  const server = createServer({ allowHalfOpen }, (socket) => {
    const client = new ServedClient(socket, access.rightsOf(socket), timeoutMs);
    if (client.rights[needs]) serveClient(client);
    else if (refused >= maxClients * REFUSED_SHARE) socket.destroy();
    else {
      refused++;
      socket.on('close', () => refused--);
      client.end(formatRefusal(refusal(client.rights, purpose)));
    }
  });
  server.maxConnections = maxClients;
  await listen(server, address, { danger, ...(insecure !== undefined && { insecure }) });
  return server;
}
