import type { Server } from 'node:net';
import type { Access } from '../sockets/access.js';
import { type ServedClient, serve } from '../sockets/serve.js';
import type { ListeningPlace } from '../sockets/socket-address.js';
import type { LogConfig } from './log-config.js';
import { formatGreeting, formatTraceRefusal, parseRequest, type SentPacket, type TraceEvent, type TraceRequest } from './trace-message.js';

/** What anyone who can connect could do. */
export const TRACE_DANGER = 'see packets';

/** Maximum number of clients; more are disconnected. */
const MAX_CLIENTS = 32;

/** Octets to buffer for a client that does not read. Further lines are lost. */
const MAX_WAITING = 1 << 20;

/** Maximum length of a request, in octets. */
const MAX_REQUEST = 1024;

/** A client that has sent no request by then only listens, as C nfqlb's client does. */
const REQUEST_TIMEOUT_MS = 100;

/** Timeout for clients to read the last lines. */
const LAST_LINES_TIMEOUT_MS = 200;

export interface TraceServerOptions {
  /** Who may trace over a unix socket. */
  readonly access: Access;
  /** Called with the traced areas when they change. */
  readonly changed: (areas: number) => void;
  /** An optional first line for a client that traces these areas. */
  readonly hint?: (areas: number) => string | undefined;
}

/** Sends trace lines to clients, and never waits for any of them. */
export class TraceServer {
  readonly #config: LogConfig;
  readonly #options: TraceServerOptions;
  readonly #clients = new Set<TraceClient>();
  #server: Server | undefined;
  #areas = 0;

  /** @param config where clients of C nfqlb set what to trace */
  constructor(config: LogConfig, options: TraceServerOptions) {
    this.#config = config;
    this.#options = options;
  }

  /** @throws as `listen` in ../sockets */
  async listen(address: ListeningPlace, insecure: boolean): Promise<void> {
    this.#server = await serve(
      address,
      {
        ...{ access: this.#options.access, needs: 'full', purpose: 'trace', danger: TRACE_DANGER, insecure },
        ...{ maxClients: MAX_CLIENTS, timeoutMs: LAST_LINES_TIMEOUT_MS },
        formatRefusal: (reason) => `${formatTraceRefusal(reason)}\n`,
      },
      (client) => this.#serveClient(client),
    );
  }

  /** What it listens with, to pass to another process. */
  get server(): Server | undefined {
    return this.#server;
  }

  /** The TCP port, while it listens. */
  get port(): number | undefined {
    const address = this.#server?.address();
    return typeof address === 'object' ? address?.port : undefined;
  }

  /** Areas that any client traces. */
  get areas(): number {
    return this.#areas;
  }

  /** Sends a line to the clients that trace one of these areas. `packet` is called if one of them wants octets. */
  tell(areas: number, text: string, packet?: () => SentPacket): void {
    let withOctets: SentPacket | undefined;
    for (const client of this.#clients) {
      if ((client.areas & areas) === 0) continue;
      if (client.wantsOctets && packet) withOctets ??= packet();
      client.tell({ areas: client.areas & areas, text, ...(client.wantsOctets && withOctets && { packet: withOctets }) });
    }
  }

  /** Sends a note about the trace itself to the clients that trace one of these areas. */
  note(areas: number, text: string): void {
    for (const client of this.#clients) if ((client.areas & areas) !== 0) client.tell({ areas: 0, text });
  }

  /** Reads the mask again, where clients of C nfqlb set what to trace. */
  look(): void {
    this.#config.reopen();
    let areas = 0;
    for (const client of this.#clients) areas |= client.areas;
    if (areas === this.#areas) return;
    this.#areas = areas;
    this.#options.changed(areas);
  }

  /** Sends the remaining lines; resolves when all clients are disconnected. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => (this.#server ? this.#server.close(() => resolve()) : resolve()));
    for (const client of this.#clients) client.end();
    await Promise.all([closed, ...Array.from(this.#clients, ({ gone }) => gone)]);
  }

  #serveClient(served: ServedClient): void {
    this.#config.reopen();
    const client = new TraceClient(served, this.#config, () => {
      const hint = this.#options.hint?.(client.areas);
      if (hint !== undefined) client.tell({ areas: 0, text: hint });
      this.look();
    });
    this.#clients.add(client);
    client.gone.then(() => {
      this.#clients.delete(client);
      // Otherwise, the next client of C nfqlb, or a C load balancer, would start with these areas. If no client here has used the mask, it belongs to
      // another load balancer.
      if (client.usesMask && !Array.from(this.#clients).some(({ usesMask }) => usesMask)) this.#config.traceMask = 0;
      this.look();
    });
  }
}

class TraceClient {
  readonly gone: Promise<unknown>;
  readonly #client: ServedClient;
  readonly #config: LogConfig;
  readonly #asked: () => void;
  #state: 'new' | 'listening' | 'asked' = 'new';
  #request: TraceRequest = { areas: 0, octets: false };
  #received = '';
  /** Lines collected in this turn of the event loop, to be written together. */
  #lines: string[] = [];
  #waiting = 0;
  /** Whether its buffer is full, and how many lines it has lost since. */
  #full = false;
  #lost = 0;

  /** @param asked called when it is known which areas the client traces */
  constructor(client: ServedClient, config: LogConfig, asked: () => void) {
    const { socket } = client;
    this.#client = client;
    this.#config = config;
    this.#asked = asked;
    this.gone = new Promise((resolve) => socket.on('close', resolve));
    socket.setEncoding('utf8');
    socket.on('end', () => socket.destroy());
    socket.on('data', (text: Buffer | string) => this.#receive(String(text)));
    socket.on('drain', () => this.#drained());
    setTimeout(() => this.#enter('listening'), REQUEST_TIMEOUT_MS).unref();
    socket.write(`${formatGreeting(config.traceMask)}\n`);
  }

  get areas(): number {
    if (this.#state === 'new') return 0;
    // C nfqlb's client changes the mask for all clients; a client that sent a request has the areas it was granted.
    return this.#state === 'asked' ? this.#request.areas : this.#config.traceMask;
  }

  /** Whether the shared mask sets its areas, as for clients of C nfqlb. */
  get usesMask(): boolean {
    return this.#state !== 'asked';
  }

  get wantsOctets(): boolean {
    return this.#request.octets;
  }

  tell(event: TraceEvent): void {
    if (this.#client.socket.writableLength + this.#waiting > MAX_WAITING) this.#full = true;
    if (this.#full) {
      this.#lost++;
      return;
    }
    this.#write(event);
  }

  end(): void {
    this.#flush();
    this.#client.end();
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
    if (text !== '' && this.#client.socket.writable) this.#client.socket.write(text);
  }

  #drained(): void {
    this.#full = false;
    if (this.#lost === 0) return;
    this.#write({ areas: 0, text: `${this.#lost} lines lost: this client reads too slowly` });
    this.#lost = 0;
  }

  #receive(text: string): void {
    if (this.#state === 'asked') return;
    this.#received += text;
    const end = this.#received.indexOf('\n');
    if (end < 0 && this.#received.length <= MAX_REQUEST) return;
    const request = end < 0 ? undefined : parseRequest(this.#received.slice(0, end));
    // As in C nfqlb, which disconnects a client that sends anything.
    if (!request) {
      this.#client.socket.destroy();
      return;
    }
    // Over TCP, the client is unknown: it gets only areas that somebody with write access to the shared memory has set.
    this.#config.reopen();
    this.#request = this.#client.rights.isKnown ? request : { ...request, areas: request.areas & this.#config.traceMask };
    this.#flush();
    this.#client.socket.write(`${JSON.stringify({ areas: this.#request.areas })}\n`);
    this.#enter('asked');
  }

  #enter(state: 'listening' | 'asked'): void {
    if (this.#state === 'asked' || this.#client.socket.destroyed) return;
    this.#state = state;
    this.#asked();
  }
}
