import { createServer, type Server, type Socket } from 'node:net';
import { type Access, type Rights, refusal } from './access.js';
import { listen } from './listen.js';
import type { ListeningPlace } from './socket-address.js';

/** Maximum share of the client limit for clients that are refused but have not read the refusal yet. */
const REFUSED_SHARE = 1 / 8;

export interface ServiceOptions {
  /** Who may use a unix socket. */
  readonly access: Access;
  /** The right that a client needs. */
  readonly needs: 'read' | 'full' | 'own';
  /** What a client does here, as in `may not change flows`. */
  readonly purpose: string;
  /** What anyone who can reach the machine could do if the server listened on all addresses. */
  readonly danger: string;
  /** Allows a wildcard address. Default: no. */
  readonly insecure?: boolean;
  /** Maximum number of clients; more are disconnected. */
  readonly maxClients: number;
  /** Timeout for reading the last message, in milliseconds. */
  readonly timeoutMs: number;
  /** Keeps a connection open for the reply after the client has ended its side. Default: no. */
  readonly allowHalfOpen?: boolean;
  /** Formats a refusal for this service. */
  readonly formatRefusal: (reason: string) => Buffer | string;
}

/** A connected client. It cannot crash the server, and is disconnected when its time is up. */
export class ServedClient {
  readonly socket: Socket;
  readonly rights: Rights;
  readonly #timeoutMs: number;
  #deadline: NodeJS.Timeout | undefined;

  constructor(socket: Socket, rights: Rights, timeoutMs: number) {
    this.socket = socket;
    this.rights = rights;
    this.#timeoutMs = timeoutMs;
    // A client may disconnect at any time.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.clearDeadline());
  }

  /**
   * Sets the deadline for the client's next step, replacing the previous one. Unlike `socket.setTimeout`, it does not restart with each octet.
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

  /** Sends the last message. Anything the client still sends is read and dropped. */
  end(reply: Buffer | string = ''): void {
    this.setDeadline(this.#timeoutMs);
    this.socket.end(reply);
    this.socket.resume();
  }
}

/**
 * Serves clients on an address. Clients without the necessary right get a refusal, never reach `serveClient`, and take up only a few connections.
 *
 * @throws as {@link listen}
 */
export async function serve(
  address: ListeningPlace,
  options: ServiceOptions,
  serveClient: (client: ServedClient) => void,
): Promise<Server> {
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
