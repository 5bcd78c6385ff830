import type { Server } from 'node:net';
import { describeFailure } from '@nfqlb/options';
import { Access, refusal } from '../sockets/access.js';
import { type ServedClient, serve } from '../sockets/serve.js';
import type { SocketAddress } from '../sockets/socket-address.js';
import { BadRequest, type FlowRequest, formatRefusal, isReading, MAX_REQUEST, parseRequest } from './flow-message.js';
import { RequestBuffer } from './request-buffer.js';

/** What anybody who connects could do. */
export const FLOW_DANGER = 'change flows';

/** Carries out a request and returns the reply; an error it throws becomes a refusal. */
export type FlowHandler = (request: FlowRequest) => Buffer | Promise<Buffer>;

/** How long a client may take to send its request, and how long to read the reply, in milliseconds. The command itself has no limit. */
const CLIENT_TIMEOUT_MS = 3000;

/** Clients at a time; more are disconnected. */
const MAX_CLIENTS = 256;

/** Octets of unfinished requests of all clients together; a client that would exceed it is refused. */
const MAX_HELD = 64 << 20;

/**
 * Serves flow commands, one per connection. No client holds up another: each has a time limit and a size limit.
 *
 * @param insecure allows an address that stands for all of the machine's: anybody who reaches it may change flows
 * @param access who may give commands on a unix socket
 * @param timeout how long a client may take to send its request, and to read the reply, in milliseconds
 * @throws `UsageError` for such an address otherwise, `NativeError` or a system error when it cannot listen there
 */
export async function serveFlows(
  address: SocketAddress,
  handler: FlowHandler,
  insecure = false,
  access: Access = new Access(),
  timeout: number = CLIENT_TIMEOUT_MS,
): Promise<Server> {
  const held = { octets: 0 };
  return await serve(
    address,
    {
      ...{ access, needs: 'read', purpose: 'give flow commands', danger: FLOW_DANGER, insecure },
      ...{ maxClients: MAX_CLIENTS, timeoutMs: timeout, allowHalfOpen: true, formatRefusal },
    },
    (client) => serveClient(client, handler, held, timeout),
  );
}

/** @param held what the requests of all clients take */
function serveClient(client: ServedClient, handler: FlowHandler, held: { octets: number }, timeout: number): void {
  const { socket, rights } = client;
  let request: RequestBuffer | undefined = new RequestBuffer();
  /** Nothing more of the client is read: the request is complete, or was refused. */
  let closed = false;
  client.setDeadline(timeout, () => answer(formatRefusal('the request did not come in time')));
  socket.on('close', release);
  socket.on('data', (chunk) => {
    if (closed || !request) return;
    held.octets += chunk.length;
    const isComplete = request.append(chunk);
    if (request.length > MAX_REQUEST) return answer(formatRefusal(`the request is longer than ${MAX_REQUEST} octets`));
    if (held.octets > MAX_HELD) return answer(formatRefusal('too many long requests at a time'));
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
    held.octets -= request?.length ?? 0;
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
