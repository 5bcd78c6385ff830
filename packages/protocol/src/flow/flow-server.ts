import type { Server } from 'node:net';
import { describeFailure } from '@nfqlb/options';
import { Access, refusal } from '../sockets/access.js';
import { type ServedClient, serve } from '../sockets/serve.js';
import type { ListeningPlace } from '../sockets/socket-address.js';
import { BadRequest, type FlowRequest, formatRefusal, isReading, MAX_REQUEST, parseRequest } from './flow-message.js';
import { RequestBuffer } from './request-buffer.js';

/** What anyone who can connect could do. */
export const FLOW_DANGER = 'change flows';

/** Executes a request and returns the reply; errors become refusals. */
export type FlowHandler = (request: FlowRequest) => Buffer | Promise<Buffer>;

/** Timeout for sending the request, and another for reading the reply. The command itself has no time limit. */
const CLIENT_TIMEOUT_MS = 3000;

/** Maximum number of clients; more are disconnected. */
const MAX_CLIENTS = 256;

/** Maximum length of all clients' unfinished requests together, in octets; a client that would exceed it is refused. */
const MAX_BUFFERED = 64 << 20;

/**
 * Serves flow commands, one per connection. No client can block another: each has a time limit and a size limit.
 *
 * @param insecure allows a wildcard address: anyone who can reach the machine may change flows
 * @param access who may send commands on a unix socket
 * @param timeout for sending the request, and for reading the reply, in milliseconds
 * @throws `UsageError` for a wildcard address unless `insecure`, `NativeError` or a system error if it cannot listen there
 */
export async function serveFlows(
  address: ListeningPlace,
  handler: FlowHandler,
  insecure = false,
  access: Access = new Access(),
  timeout: number = CLIENT_TIMEOUT_MS,
): Promise<Server> {
  const buffered = { octets: 0 };
  return await serve(
    address,
    {
      ...{ access, needs: 'read', purpose: 'give flow commands', danger: FLOW_DANGER, insecure },
      ...{ maxClients: MAX_CLIENTS, timeoutMs: timeout, allowHalfOpen: true, formatRefusal },
    },
    (client) => serveClient(client, handler, buffered, timeout),
  );
}

/** @param buffered length of all clients' unfinished requests */
function serveClient(client: ServedClient, handler: FlowHandler, buffered: { octets: number }, timeout: number): void {
  const { socket, rights } = client;
  let request: RequestBuffer | undefined = new RequestBuffer();
  /** Whether the request is complete or refused: nothing more is read. */
  let closed = false;
  client.setDeadline(timeout, () => answer(formatRefusal('the request did not come in time')));
  socket.on('close', release);
  socket.on('data', (chunk) => {
    if (closed || !request) return;
    buffered.octets += chunk.length;
    const isComplete = request.append(chunk);
    if (request.length > MAX_REQUEST) return answer(formatRefusal(`the request is longer than ${MAX_REQUEST} octets`));
    if (buffered.octets > MAX_BUFFERED) return answer(formatRefusal('too many long requests at a time'));
    if (isComplete) carryOut(request.text);
  });
  socket.on('end', () => {
    if (!closed) answer(formatRefusal('the request ends without eoc:'));
  });

  function perform(text: string): Buffer | Promise<Buffer> {
    const request = parseRequest(text);
    if (!rights.full && !isReading(request.action)) throw new BadRequest(refusal(rights, 'change flows'));
    return handler(request);
  }

  /** Frees the request's memory. */
  function release(): void {
    buffered.octets -= request?.length ?? 0;
    request = undefined;
  }

  function answer(reply: Buffer): void {
    closed = true;
    release();
    client.end(reply);
  }

  function carryOut(text: string): void {
    closed = true;
    release();
    client.clearDeadline();
    new Promise<Buffer>((resolve) => resolve(perform(text))).then(answer, (error) => answer(formatRefusal(describeFailure(error))));
  }
}
