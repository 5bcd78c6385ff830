import { createServer, type Server, type Socket } from 'node:net';
import { type Access, type Rights, refusal } from '../sockets/access.js';
import { listen } from '../sockets/listen.js';
import type { SocketAddress } from '../sockets/socket-address.js';
import type { LogConfig } from './log-config.js';
import { formatGreeting, formatTraceRefusal, parseRequest, type SentPacket, type TraceEvent, type TraceRequest } from './trace-message.js';

/** What whoever connects could do. */
export const TRACE_DANGER = 'see packets';

/** Clients at a time; more are turned away. */
const MAX_CLIENTS = 32;

/** Octets that wait for a client that does not read, at most. What comes then it loses. */
const MAX_WAITING = 1 << 20;

/** Longest request, in octets. */
const MAX_REQUEST = 1024;

/** How long a client may take to ask before it is one that only listens, as C nfqlb's, in milliseconds. */
const ASK_WITHIN_MS = 100;

/** How long clients are given to take the last lines when this ends, in milliseconds. */
const FAREWELL = 200;

export interface TraceServerOptions {
  /** Who may trace over a unix socket. */
  readonly access: Access;
  /** Is told which areas are traced, whenever that changes. */
  readonly changed: (areas: number) => void;
  /** What to tell a client at first that wants these areas, if anything. */
  readonly hint?: (areas: number) => string | undefined;
}

/** Tells clients what happens. None of them is ever waited for. */
export class TraceServer {
  readonly #config: LogConfig;
  readonly #options: TraceServerOptions;
  readonly #clients = new Set<Client>();
  readonly #server: Server;
  #areas = 0;

  /** @param config where clients say what they want traced */
  constructor(config: LogConfig, options: TraceServerOptions) {
    this.#config = config;
    this.#options = options;
    this.#server = createServer((socket) => this.#greet(socket));
    this.#server.maxConnections = MAX_CLIENTS;
  }

  /** @throws as `listen` */
  async listen(address: SocketAddress, insecure: boolean): Promise<void> {
    await listen(this.#server, address, { insecure, danger: TRACE_DANGER });
  }

  /** Of TCP, while it listens. */
  get port(): number | undefined {
    const address = this.#server.address();
    return typeof address === 'object' ? address?.port : undefined;
  }

  /** Areas that any client wants. */
  get areas(): number {
    return this.#areas;
  }

  /** Tells who wants one of these areas. `packet` is asked for when somebody wants the octets. */
  tell(areas: number, text: string, packet?: () => SentPacket): void {
    let withOctets: SentPacket | undefined;
    for (const client of this.#clients) {
      if ((client.areas & areas) === 0) continue;
      if (client.wantsOctets && packet) withOctets ??= packet();
      client.tell({ areas: client.areas & areas, text, ...(client.wantsOctets && withOctets && { packet: withOctets }) });
    }
  }

  /** A note about the trace itself, for who wants one of these areas. */
  note(areas: number, text: string): void {
    for (const client of this.#clients) if ((client.areas & areas) !== 0) client.tell({ areas: 0, text });
  }

  /** Looks at the mask again, by which clients of C nfqlb say what they want. */
  look(): void {
    this.#config.follow();
    let areas = 0;
    for (const client of this.#clients) areas |= client.areas;
    if (areas === this.#areas) return;
    this.#areas = areas;
    this.#options.changed(areas);
  }

  /** Says good-bye; resolves when all are gone, which takes those a moment that do not read. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const client of this.#clients) client.end();
    await Promise.all([closed, ...Array.from(this.#clients, ({ gone }) => gone)]);
  }

  #greet(socket: Socket): void {
    const rights = this.#options.access.rightsOf(socket);
    if (!rights.full) {
      socket.on('error', () => socket.destroy());
      // It takes none of the others' room.
      socket.end(`${formatTraceRefusal(refusal(rights, 'trace'))}\n`, () => socket.destroy());
      return;
    }
    this.#config.follow();
    const client = new Client(socket, rights, this.#config, () => {
      const hint = this.#options.hint?.(client.areas);
      if (hint !== undefined) client.tell({ areas: 0, text: hint });
      this.look();
    });
    this.#clients.add(client);
    client.gone.then(() => {
      this.#clients.delete(client);
      // Otherwise the next client of C nfqlb, or a load balancer of that, would begin with these areas. But a mask that no client here has used
      // is another load balancer's.
      if (client.usesMask && !Array.from(this.#clients).some(({ usesMask }) => usesMask)) this.#config.traceMask = 0;
      this.look();
    });
  }
}

class Client {
  readonly gone: Promise<unknown>;
  readonly #socket: Socket;
  readonly #rights: Rights;
  readonly #config: LogConfig;
  readonly #asked: () => void;
  #state: 'new' | 'listens' | 'asked' = 'new';
  #request: TraceRequest = { areas: 0, octets: false };
  #received = '';
  /** Lines of this turn of the event loop, to be written together. */
  #lines: string[] = [];
  #waiting = 0;
  /** Whether it has too much to read yet, and what it has lost since. */
  #full = false;
  #lost = 0;

  /** @param asked is called when it has said what it wants */
  constructor(socket: Socket, rights: Rights, config: LogConfig, asked: () => void) {
    this.#socket = socket;
    this.#rights = rights;
    this.#config = config;
    this.#asked = asked;
    this.gone = new Promise((resolve) => socket.on('close', resolve));
    socket.setEncoding('utf8');
    // One that goes away is no error.
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.destroy());
    socket.on('data', (text: Buffer | string) => this.#hear(String(text)));
    socket.on('drain', () => this.#drained());
    setTimeout(() => this.#becomes('listens'), ASK_WITHIN_MS).unref();
    socket.write(`${formatGreeting(config.traceMask)}\n`);
  }

  get areas(): number {
    if (this.#state === 'new') return 0;
    // C nfqlb's client changes the mask of all; whoever asked has what was granted.
    return this.#state === 'asked' ? this.#request.areas : this.#config.traceMask;
  }

  /** Whether the mask says what it wants, as for C nfqlb's clients. */
  get usesMask(): boolean {
    return this.#state !== 'asked';
  }

  get wantsOctets(): boolean {
    return this.#request.octets;
  }

  tell(event: TraceEvent): void {
    if (this.#socket.writableLength + this.#waiting > MAX_WAITING) this.#full = true;
    if (this.#full) {
      this.#lost++;
      return;
    }
    this.#write(event);
  }

  end(): void {
    this.#flush();
    this.#socket.end();
    const patience = setTimeout(() => this.#socket.destroy(), FAREWELL);
    this.#socket.on('close', () => clearTimeout(patience));
  }

  #write(event: TraceEvent): void {
    const line = this.#state === 'asked' ? JSON.stringify(event) : event.text;
    if (this.#lines.length === 0) setImmediate(() => this.#flush());
    this.#lines.push(`${line}\n`);
    this.#waiting += line.length + 1;
  }

  #flush(): void {
    const text = this.#lines.join('');
    this.#lines = [];
    this.#waiting = 0;
    if (text !== '' && this.#socket.writable) this.#socket.write(text);
  }

  #drained(): void {
    this.#full = false;
    if (this.#lost === 0) return;
    this.#write({ areas: 0, text: `${this.#lost} lines lost: this client reads too slowly` });
    this.#lost = 0;
  }

  #hear(text: string): void {
    if (this.#state === 'asked') return;
    this.#received += text;
    const end = this.#received.indexOf('\n');
    if (end < 0 && this.#received.length <= MAX_REQUEST) return;
    const request = end < 0 ? undefined : parseRequest(this.#received.slice(0, end));
    // As C nfqlb does: any other input is a good-bye.
    if (!request) {
      this.#socket.destroy();
      return;
    }
    // Over TCP nobody knows who asks: whoever cannot write to the memory is shown nothing that others have not asked for.
    this.#config.follow();
    this.#request = this.#rights.isKnown ? request : { ...request, areas: request.areas & this.#config.traceMask };
    this.#flush();
    this.#socket.write(`${JSON.stringify({ areas: this.#request.areas })}\n`);
    this.#becomes('asked');
  }

  #becomes(state: 'listens' | 'asked'): void {
    if (this.#state === 'asked' || this.#socket.destroyed) return;
    this.#state = state;
    this.#asked();
  }
}
