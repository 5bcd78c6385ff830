// /metrics and /healthz over HTTP. Anyone who can reach the address may read: the operator chooses it. No client can block the main thread or
// another client for long.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { UsageError } from '@nfqlb/options';
import type { ListeningPlace } from '@nfqlb/protocol/sockets';
import type { Status } from '@nfqlb/protocol/status';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { FAMILIES } from './families.js';
import { registerFamilies } from './family.js';
import { formatMetricsAddress, type MetricsAddress } from './metrics-address.js';

/** What is served. */
export interface MetricsSource {
  /** `undefined` while the load balancer is starting. */
  readonly status: () => Status | undefined;
  /** Why the load balancer is not healthy; empty if it is. */
  readonly problems: () => readonly string[];
  /** Problems that lose no packets, and so are no reason for a restart. */
  readonly warnings: () => readonly string[];
}

/** Timeout for sending a request, and another for reading the response. */
const REQUEST_TIMEOUT_MS = 5000;

/** Maximum number of connections; more are refused. */
const MAX_CLIENTS = 32;

/** A text is reused for this many times as long as it took to write: the main thread has other work to do. */
const REUSE_FACTOR = 5;

/** Maximum length of a request's line and headers, in octets. */
const MAX_HEADER_LENGTH = 8192;

const TEXT = 'text/plain; charset=utf-8';

/**
 * @param timeoutMs for each of the two
 * @param passed the socket of another process that listened there before
 * @throws `UsageError` if the address cannot be used
 */
export async function serveMetrics(
  address: MetricsAddress,
  source: MetricsSource,
  timeoutMs: number = REQUEST_TIMEOUT_MS,
  passed?: ListeningPlace & { readonly kind: 'passed' },
): Promise<Server> {
  const exposition = new Exposition(source);
  const server = createServer(
    { maxHeaderSize: MAX_HEADER_LENGTH, headersTimeout: timeoutMs, requestTimeout: timeoutMs, connectionsCheckingInterval: 500 },
    (request, response) => {
      const deadline = setTimeout(() => request.socket.destroy(), timeoutMs);
      response.on('close', () => clearTimeout(deadline));
      answer(request, response, source, exposition).catch(() => request.socket.destroy());
    },
  );
  server.maxConnections = MAX_CLIENTS;
  try {
    server.listen(passed ? { fd: passed.fd } : { ...address, ipv6Only: true });
    await once(server, 'listening');
  } catch (error) {
    throw new UsageError('invalid-value', whyNot(error as NodeJS.ErrnoException), {
      option: '--metrics',
      value: formatMetricsAddress(address),
    });
  }
  // Running out of descriptors for a moment is no reason to exit.
  server.on('error', () => {});
  return server;
}

async function answer(request: IncomingMessage, response: ServerResponse, source: MetricsSource, exposition: Exposition): Promise<void> {
  const { method, url = '/' } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    // Do not wait for the request's body.
    return respond(response, 405, 'only GET is allowed\n', { Allow: 'GET, HEAD', Connection: 'close' });
  }
  switch (url.replace(/\?.*$/s, '')) {
    case '/metrics': {
      const text = await exposition.text();
      return text === undefined
        ? respond(response, 503, 'it is starting\n')
        : respond(response, 200, text, { 'Content-Type': exposition.contentType });
    }
    case '/healthz': {
      const problems = source.problems();
      return problems.length === 0
        ? respond(
            response,
            200,
            ['healthy', ...source.warnings().map((warning) => `warning: ${warning}`)].map((line) => `${line}\n`).join(''),
          )
        : respond(response, 503, problems.map((problem) => `${problem}\n`).join(''));
    }
    default:
      return respond(response, 404, 'not found: only /metrics and /healthz exist\n');
  }
}

function respond(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  const body = Buffer.from(text);
  response.writeHead(status, { 'Content-Type': TEXT, 'Content-Length': body.length, 'Cache-Control': 'no-store', ...headers });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** The text of /metrics. It is written once for each status, and shared by concurrent requests. */
class Exposition {
  readonly #source: MetricsSource;
  readonly #registry = new Registry();
  #status: Status | undefined;
  #text: Promise<string> | undefined;
  /** Until when the text is reused, even for another status: writing it costs more than a status. */
  #reuseUntil = 0;

  constructor(source: MetricsSource) {
    this.#source = source;
    registerFamilies(this.#registry, FAMILIES, () => this.#status!);
    // process_… and nodejs_…, under the names that dashboards know. Samples the event loop's delay every 100 ms instead of 10.
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 100 });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string | undefined> {
    const begin = performance.now();
    const status = this.#source.status();
    if (status === undefined) return undefined;
    if (this.#text !== undefined && (status === this.#status || begin < this.#reuseUntil)) return this.#text;
    this.#status = status;
    this.#reuseUntil = Number.POSITIVE_INFINITY;
    this.#text = this.#registry.metrics().finally(() => {
      const now = performance.now();
      this.#reuseUntil = now + REUSE_FACTOR * (now - begin);
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
