import { createServer, type Server, type Socket } from 'node:net';
import { describeFailure } from '@nfqlb/options';
import { Access, refusal } from '../sockets/access.js';
import { listen } from '../sockets/listen.js';
import type { SocketAddress } from '../sockets/socket-address.js';
import { BadRequest, type FlowRequest, formatRefusal, isReading, MAX_REQUEST, parseRequest } from './flow-message.js';
import { RequestBuffer } from './request-buffer.js';

/** What whoever connects could do. */
export const FLOW_DANGER = 'change flows';

/** Does what a request asks and gives the reply; what it throws becomes a refusal. */
export type FlowHandler = (request: FlowRequest) => Buffer | Promise<Buffer>;

/** How long a client may take to send its request, and how long to take the reply, in milliseconds. The command itself has no limit. */
const CLIENT_TIMEOUT_MS = 3000;

/** Clients at a time; more are turned away. */
const MAX_CLIENTS = 256;

/** Octets of requests that are kept at a time, of all clients; one that brings more is turned away. */
const MAX_HELD = 64 << 20;

/** Clients at a time that may do nothing, and are told so; more are cut off, or they would leave no room for others. */
const MAX_REFUSED = 32;

/** What all clients take. */
interface Held {
  octets: number;
  refused: number;
}

/**
 * Serves flow commands, one a connection. No client holds up another: each has its time and its room.
 *
 * @param insecure allows an address that stands for all of the machine's: whoever reaches it may change flows
 * @param access who may give commands on a unix socket
 * @param timeout how long a client may take to send its request, and to take the reply, in milliseconds
 * @throws `UsageError` for such an address otherwise, `NativeError` or a system error when it cannot be listened to
 */
export async function serveFlows(
  address: SocketAddress,
  handler: FlowHandler,
  insecure = false,
  access: Access = new Access(),
  timeout: number = CLIENT_TIMEOUT_MS,
): Promise<Server> {
  const held: Held = { octets: 0, refused: 0 };
  const server = createServer({ allowHalfOpen: true }, (socket) => serveClient(socket, access, handler, held, timeout));
  server.maxConnections = MAX_CLIENTS;
  await listen(server, address, { insecure, danger: FLOW_DANGER });
  return server;
}

function serveClient(socket: Socket, access: Access, handler: FlowHandler, held: Held, timeout: number): void {
  const rights = access.rightsOf(socket);
  let request: RequestBuffer | undefined = new RequestBuffer();
  /** From when on nothing more of the client is read: the request is whole, or was refused. */
  let closed = false;
  // Not `socket.setTimeout`, which an octet now and then would put off.
  let deadline = setTimeout(() => answer(formatRefusal('the request did not come in time')), timeout);
  // A client that goes away is no error.
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    clearTimeout(deadline);
    release();
  });
  socket.on('data', (chunk) => {
    if (closed || !request) return;
    held.octets += chunk.length;
    const isWhole = request.append(chunk);
    if (request.length > MAX_REQUEST) return answer(formatRefusal(`the request is longer than ${MAX_REQUEST} octets`));
    if (held.octets > MAX_HELD) return answer(formatRefusal('too many long requests at a time'));
    if (isWhole) carryOut(request.text);
  });
  socket.on('end', () => {
    if (!closed) answer(formatRefusal('the request ends without eoc:'));
  });

  // Told before it has said anything: what it says takes no room.
  if (!rights.read) {
    held.refused++;
    socket.on('close', () => held.refused--);
    if (held.refused > MAX_REFUSED) socket.destroy();
    else answer(formatRefusal(refusal(rights, 'give flow commands')));
  }

  function perform(text: string): Buffer | Promise<Buffer> {
    const request = parseRequest(text);
    if (!rights.full && !isReading(request.action)) throw new BadRequest(refusal(rights, 'change flows'));
    return handler(request);
  }

  /** Forgets the request. */
  function release(): void {
    held.octets -= request?.length ?? 0;
    request = undefined;
  }

  function answer(reply: Buffer): void {
    closed = true;
    release();
    clearTimeout(deadline);
    deadline = setTimeout(() => socket.destroy(), timeout);
    socket.end(reply);
    // Anything else the client sends is read and dropped.
    socket.resume();
  }

  function carryOut(text: string): void {
    closed = true;
    release();
    clearTimeout(deadline);
    new Promise<Buffer>((resolve) => resolve(perform(text))).then(answer, (error) => answer(formatRefusal(describeFailure(error))));
  }
}
