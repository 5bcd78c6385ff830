// HTTP requests with JSON answers, over a connection that is kept. Node's `fetch` has no way to say which certificates to trust.

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { shownText } from '../text.js';
import { Deadline } from './deadline.js';
import { DiscoveryError, networkProblem } from './problem.js';

/** Whom to talk to, and how to know each other. */
export interface Peer {
  readonly url: URL;
  readonly tls?: Tls;
  readonly headers?: () => Readonly<Record<string, string>>;
}

/** PEM. */
export interface Tls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly servername?: string | undefined;
}

export interface Exchange {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

/** An answer is held in memory: more than any registry of targets has. */
const MAX_OCTETS = 64 << 20;

/** When to ask a peer that says nothing whether it is there: then 10 times, a second apart (libuv's constants). */
const KEEP_ALIVE_MS = 3000;

/** Requests to one peer. Close it: it keeps connections open. */
export class HttpClient {
  readonly #peer: Peer;
  readonly #agent: HttpAgent;
  readonly #isSecure: boolean;

  constructor(peer: Peer) {
    this.#peer = peer;
    this.#isSecure = peer.url.protocol === 'https:';
    const options = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS };
    this.#agent = this.#isSecure ? new HttpsAgent({ ...options, ...defined(peer.tls ?? {}) }) : new HttpAgent(options);
  }

  close(): void {
    this.#agent.destroy();
  }

  /**
   * The answer as a whole.
   *
   * @param timeout for all of it, in milliseconds
   * @throws {@link DiscoveryError}
   */
  async json(exchange: Exchange, timeout: number): Promise<unknown> {
    const deadline = new Deadline(exchange.signal, timeout);
    try {
      return parse(await textOf(await this.#send({ ...exchange, signal: deadline.signal })));
    } catch (error) {
      throw deadline.isLate ? this.#error(`no answer within ${timeout / 1000} s`) : this.#described(error);
    } finally {
      deadline.close();
    }
  }

  /**
   * The lines of an answer that does not end, each of them JSON. Ends when the peer ends it.
   *
   * @param timeout until it begins, in milliseconds
   * @throws {@link DiscoveryError}
   */
  async *lines(exchange: Exchange, timeout: number): AsyncGenerator<unknown> {
    const deadline = new Deadline(exchange.signal, timeout);
    try {
      const response = await this.#send({ ...exchange, signal: deadline.signal });
      deadline.begun();
      response.setEncoding('utf8');
      let pending = '';
      for await (const chunk of response) {
        const lines = (pending + chunk).split('\n');
        pending = lines.pop()!;
        if (pending.length > MAX_OCTETS) throw this.#error('it sends a line without end');
        for (const line of lines) if (line !== '') yield parse(line);
      }
    } catch (error) {
      throw deadline.isLate ? this.#error(`no answer within ${timeout / 1000} s`) : this.#described(error);
    } finally {
      deadline.close();
    }
  }

  #send({ method, path, body, signal }: Exchange): Promise<IncomingMessage> {
    const { url, headers } = this.#peer;
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const send = this.#isSecure ? httpsRequest : httpRequest;
      const request = send(new URL(path, url), {
        method,
        agent: this.#agent,
        signal,
        headers: { accept: 'application/json', ...(text !== undefined && { 'content-type': 'application/json' }), ...headers?.() },
      });
      request.on('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
      request.on('error', reject);
      request.on('response', (response) => {
        if (response.statusCode === 200) resolve(response);
        else refusal(response).then((problem) => reject(this.#error(problem, response.statusCode)), reject);
      });
      request.end(text);
    });
  }

  #error(problem: string, status?: number): DiscoveryError {
    return new DiscoveryError(`${this.#peer.url.origin}: ${problem}`, status);
  }

  #described(error: unknown): unknown {
    return error instanceof DiscoveryError ? error : this.#error(networkProblem(error));
  }
}

/** Node takes an `undefined` CA for no CA at all in some versions. */
function defined(tls: Tls): Tls {
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
}

async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) {
    text += chunk;
    if (text.length > MAX_OCTETS) throw new Error(`the answer is larger than ${MAX_OCTETS} octets`);
  }
  return text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('the answer is not JSON: is it another server?');
  }
}

/** What a peer says when it refuses; etcd and Kubernetes both call it `message`. */
async function refusal(response: IncomingMessage): Promise<string> {
  const text = await textOf(response);
  let message = '';
  try {
    const said = (JSON.parse(text) as { message?: unknown } | null)?.message;
    if (typeof said === 'string') message = shownText(said.replace(/\s+/g, ' '));
  } catch {
    // Not JSON: the status must do.
  }
  return message === '' ? `HTTP status ${response.statusCode}` : `${message} (${response.statusCode})`;
}
