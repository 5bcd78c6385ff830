// /metrics and /healthz over HTTP. Whoever reaches the address may read: it is chosen by the operator. No client holds up the main thread,
// nor another client, for long.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { UsageError } from '@nfqlb/options';
import type { Status } from '@nfqlb/protocol/status';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { FAMILIES } from './families.js';
import { registerFamilies } from './family.js';
import { formatMetricsAddress, type MetricsAddress } from './metrics-address.js';

/** What is told. */
export interface MetricsSource {
  /** `undefined` while the load balancer starts. */
  readonly status: () => Status | undefined;
  /** Why it is not healthy, in words; empty when it is. */
  readonly problems: () => readonly string[];
  /** What is wrong without packets being lost: not a reason to restart it. */
  readonly warnings: () => readonly string[];
}

/** How long a client may take for its request, and for taking the answer, in milliseconds each. */
const REQUEST_TIMEOUT_MS = 5000;

/** Connections at a time; more are turned away. */
const MAX_CLIENTS = 32;

/** For how many times as long as it took to write it a text is given again: the main thread has other things to do. */
const EFFORT = 5;

/** Octets of a request's line and headers. */
const MAX_HEADERS = 8192;

const TEXT = 'text/plain; charset=utf-8';

/**
 * @param timeoutMs with clients, for each of those times
 * @throws `UsageError` when the address cannot be had
 */
export async function serveMetrics(
  address: MetricsAddress,
  source: MetricsSource,
  timeoutMs: number = REQUEST_TIMEOUT_MS,
): Promise<Server> {
  const exposition = new Exposition(source);
  const server = createServer(
    { maxHeaderSize: MAX_HEADERS, headersTimeout: timeoutMs, requestTimeout: timeoutMs, connectionsCheckingInterval: 500 },
    (request, response) => {
      const deadline = setTimeout(() => request.socket.destroy(), timeoutMs);
      response.on('close', () => clearTimeout(deadline));
      answer(request, response, source, exposition).catch(() => request.socket.destroy());
    },
  );
  server.maxConnections = MAX_CLIENTS;
  try {
    server.listen({ ...address, ipv6Only: true });
    await once(server, 'listening');
  } catch (error) {
    throw new UsageError('invalid-value', whyNot(error as NodeJS.ErrnoException), {
      option: '--metrics',
      value: formatMetricsAddress(address),
    });
  }
  // A descriptor less for a moment is no reason to end.
  server.on('error', () => {});
  return server;
}

async function answer(request: IncomingMessage, response: ServerResponse, source: MetricsSource, exposition: Exposition): Promise<void> {
  const { method, url = '/' } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    // What else it wants to say is not waited for.
    return say(response, 405, 'only GET\n', { Allow: 'GET, HEAD', Connection: 'close' });
  }
  switch (url.replace(/\?.*$/s, '')) {
    case '/metrics': {
      const text = await exposition.text();
      return text === undefined
        ? say(response, 503, 'it is starting\n')
        : say(response, 200, text, { 'Content-Type': exposition.contentType });
    }
    case '/healthz': {
      const problems = source.problems();
      return problems.length === 0
        ? say(response, 200, ['healthy', ...source.warnings().map((warning) => `warning: ${warning}`)].map((line) => `${line}\n`).join(''))
        : say(response, 503, problems.map((problem) => `${problem}\n`).join(''));
    }
    default:
      return say(response, 404, 'there are /metrics and /healthz\n');
  }
}

function say(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  const body = Buffer.from(text);
  response.writeHead(status, { 'Content-Type': TEXT, 'Content-Length': body.length, 'Cache-Control': 'no-store', ...headers });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** The text of /metrics. The same status is written once, and for all who ask meanwhile. */
class Exposition {
  readonly #source: MetricsSource;
  readonly #registry = new Registry();
  #status: Status | undefined;
  #text: Promise<string> | undefined;
  /** When another one may be written: it costs more than a status does. */
  #next = 0;

  constructor(source: MetricsSource) {
    this.#source = source;
    registerFamilies(this.#registry, FAMILIES, () => this.#status!);
    // process_… and nodejs_…, under the names that dashboards know. The delay of the event loop is looked at every 100 ms, not every 10.
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 100 });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string | undefined> {
    const begin = performance.now();
    const status = this.#source.status();
    if (status === undefined) return undefined;
    if (this.#text !== undefined && (status === this.#status || begin < this.#next)) return this.#text;
    this.#status = status;
    this.#next = Number.POSITIVE_INFINITY;
    this.#text = this.#registry.metrics().finally(() => {
      const now = performance.now();
      this.#next = now + EFFORT * (now - begin);
    });
    return this.#text;
  }
}

function whyNot({ code = 'UNKNOWN', message }: NodeJS.ErrnoException): string {
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program listens there',
    EADDRNOTAVAIL: 'no address of this network namespace',
    EACCES: 'permission denied',
  };
  return `${why[code] ?? message} (${code})`;
}
