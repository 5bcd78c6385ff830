import { createServer, type Server, type Socket } from 'node:net';
import { describeFailure } from '@nfqlb/options';
import { Access, refusal } from '../sockets/access.js';
import { listen } from '../sockets/listen.js';
import type { SocketAddress } from '../sockets/socket-address.js';
import { BadRequest, type FlowRequest, formatRefusal, isReading, isWhole, MAX_REQUEST, parseRequest } from './flow-message.js';

/** Does what a request asks and gives the reply; what it throws becomes a refusal. */
export type FlowHandler = (request: FlowRequest) => Buffer | Promise<Buffer>;

/** How long a client may take for its request, and then for taking the reply, in milliseconds. */
const PATIENCE = 3000;

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
 * @throws `UsageError` for such an address otherwise, `NativeError` or a system error when it cannot be listened to
 */
export async function serveFlows(
  address: SocketAddress,
  handler: FlowHandler,
  insecure = false,
  access: Access = new Access(),
): Promise<Server> {
  const held: Held = { octets: 0, refused: 0 };
  const server = createServer({ allowHalfOpen: true }, (socket) => converse(socket, access, handler, held));
  server.maxConnections = MAX_CLIENTS;
  await listen(server, address, { insecure, danger: 'change flows' });
  return server;
}

function converse(socket: Socket, access: Access, handler: FlowHandler, held: Held): void {
  const rights = access.rightsOf(socket);
  let chunks: Buffer[] = [];
  let tail = '';
  let octets = 0;
  let answered = false;
  // Not `setTimeout`, which an octet now and then would put off.
  const deadline = setTimeout(() => (answered ? socket.destroy() : answer(formatRefusal('the request did not come in time'))), PATIENCE);
  // A client that goes away is no error.
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    clearTimeout(deadline);
    release();
  });
  socket.on('data', (chunk) => {
    if (answered) return;
    chunks.push(chunk);
    octets += chunk.length;
    held.octets += chunk.length;
    if (octets > MAX_REQUEST) return answer(formatRefusal(`the request is longer than ${MAX_REQUEST} octets`));
    if (held.octets > MAX_HELD) return answer(formatRefusal('too many long requests at a time'));
    // Only what is new can have made it whole; the rest is not looked at again and again.
    tail = tail.slice(-'\neoc'.length) + chunk.toString('latin1');
    if (!tail.includes('eoc:')) return;
    const text = Buffer.concat(chunks).toString('utf8');
    if (isWhole(text)) obey(text);
  });
  socket.on('end', () => {
    if (!answered) answer(formatRefusal('the request ends without eoc:'));
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

  function release(): void {
    chunks = [];
    held.octets -= octets;
    octets = 0;
  }

  function answer(reply: Buffer): void {
    answered = true;
    release();
    deadline.refresh();
    socket.end(reply);
    // What else it says is of no interest.
    socket.resume();
  }

  function obey(text: string): void {
    answered = true;
    release();
    new Promise<Buffer>((resolve) => resolve(perform(text))).then(answer, (error) => answer(formatRefusal(describeFailure(error))));
  }
}
