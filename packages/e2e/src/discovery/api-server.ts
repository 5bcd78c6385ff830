// A Kubernetes API server as far as listing and watching EndpointSlices goes, by the API's documentation
// (https://kubernetes.io/docs/reference/using-api/api-concepts/): the answers of a real one are not among the tests.

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export interface Slice {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly addressType: string;
  readonly endpoints: readonly unknown[];
}

interface Event {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Slice & { readonly metadata: { readonly resourceVersion: string } };
  readonly version: number;
}

const PATH = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const SELECTOR = 'kubernetes.io/service-name=web';

export class ApiServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<ServerResponse>();
  readonly #slices = new Map<string, Event['object']>();
  #history: Event[] = [];
  #version = 100;
  /** Who knows less than this version cannot go on from there. */
  #forgotten = 0;
  /** The token that requests must have. */
  token = 'secret';
  /** What it was asked, without the path. */
  readonly requests: URLSearchParams[] = [];
  /** Slices in a part of a list. */
  part = 500;

  private constructor(server: Server) {
    this.#server = server;
    // Those in a handshake, too, which `closeAllConnections` leaves.
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request, response) => {
      const url = new URL(request.url!, 'https://server');
      const refuse = (code: number, reason: string, message: string): void => {
        response.writeHead(code, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code }));
      };
      this.requests.push(url.searchParams);
      if (request.headers.authorization !== `Bearer ${this.token}`) refuse(401, 'Unauthorized', 'Unauthorized');
      else if (url.pathname !== PATH || url.searchParams.get('labelSelector') !== SELECTOR) refuse(404, 'NotFound', 'not found');
      else if (url.searchParams.get('watch') === '1') this.#watch(url.searchParams, response);
      else this.#list(url.searchParams, response);
    });
  }

  static async start(cert: string, key: string, port = 0): Promise<ApiServer> {
    const server = createServer({ cert, key });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new ApiServer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Adds a slice of the Service, or replaces it. */
  set(name: string, addressType: string, endpoints: readonly unknown[]): void {
    const type = this.#slices.has(name) ? 'MODIFIED' : 'ADDED';
    const version = ++this.#version;
    const metadata = { name, labels: { 'kubernetes.io/service-name': 'web' }, resourceVersion: String(version) };
    const object = { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', metadata, addressType, endpoints, ports: [] };
    this.#slices.set(name, object);
    this.#tell({ type, object, version });
  }

  delete(name: string): void {
    const object = this.#slices.get(name)!;
    this.#slices.delete(name);
    const version = ++this.#version;
    this.#tell({ type: 'DELETED', object: { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }, version });
  }

  /** Tells the present version, as the server does about once a minute. */
  bookmark(): void {
    const object = { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', metadata: { resourceVersion: String(this.#version) } };
    for (const watch of this.#watches) watch.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  }

  /** Other objects have changed. */
  pass(versions: number): void {
    this.#version += versions;
  }

  /** Forgets what has been: who wants to go on from an earlier version cannot. */
  compact(): void {
    this.#history = [];
    this.#forgotten = this.#version;
  }

  /** Ends all watches, as after `timeoutSeconds`. */
  endWatches(): void {
    for (const watch of this.#watches) watch.end();
    this.#watches.clear();
  }

  #tell(event: Event): void {
    this.#history.push(event);
    for (const watch of this.#watches) watch.write(lineOf(event));
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const all = [...this.#slices.values()];
    const from = Number(query.get('continue') ?? 0);
    const rest = from + this.part < all.length ? { continue: String(from + this.part) } : {};
    response.writeHead(200, { 'content-type': 'application/json' });
    const metadata = { resourceVersion: String(this.#version), ...rest };
    response.end(
      JSON.stringify({ kind: 'EndpointSliceList', apiVersion: 'discovery.k8s.io/v1', metadata, items: all.slice(from, from + this.part) }),
    );
  }

  #watch(query: URLSearchParams, response: ServerResponse): void {
    const since = Number(query.get('resourceVersion'));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (since < this.#forgotten) {
      const message = `too old resource version: ${since} (${this.#version})`;
      const object = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason: 'Expired', code: 410 };
      response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
      return;
    }
    for (const event of this.#history) if (event.version > since) response.write(lineOf(event));
    this.#watches.add(response);
    response.on('close', () => this.#watches.delete(response));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function lineOf({ type, object }: Event): string {
  return `${JSON.stringify({ type, object })}\n`;
}
