import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { isRefusal } from '../sockets/access.js';
import { connect } from '../sockets/connect.js';
import { formatSocketAddress, type SocketAddress } from '../sockets/socket-address.js';
import { C_LINE, type FlowRequest, formatRequest, parseReply } from './flow-message.js';

/** How long to wait for a reply, in milliseconds. */
const PATIENCE = 10_000;

/** What C nfqlb says to an action that it does not know. */
const C_UNKNOWN = 'action unknown';

/** A command that the load-balancer refused, or could not be told. */
export class FlowCommandError extends Error {
  override readonly name = 'FlowCommandError';
  readonly code: 'REFUSED' | 'NOT_PERMITTED' | 'NO_REPLY' | 'CLOSED' | 'NOT_CONNECTED';

  constructor(code: FlowCommandError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Tells a load-balancer a flow command. To C nfqlb, nothing is said that it would cut off.
 *
 * @returns its reply: `OK`, or the JSON of a list
 * @throws {@link FlowCommandError}
 */
export async function sendFlowCommand(address: SocketAddress, request: FlowRequest): Promise<string> {
  if (request.action !== 'change') await checkLines(address, request);
  return await send(address, request);
}

/** Asks, where there is a line too long for C nfqlb, whether this is one: it does not know `change`, which changes nothing here. */
async function checkLines(address: SocketAddress, request: FlowRequest): Promise<void> {
  const field = Object.entries(request.fields).find(([name, value]) => Buffer.byteLength(`${name}:${value}`) > C_LINE)?.[0];
  if (field === undefined) return;
  try {
    await send(address, { action: 'change', fields: { changes: JSON.stringify({ define: [], delete: [] }) } });
  } catch (error) {
    if (!(error instanceof FlowCommandError)) throw error;
    // Whatever else it says: it is none, or none can be told so.
    if (error.code !== 'CLOSED' && error.message !== C_UNKNOWN) return;
    throw new FlowCommandError(
      'REFUSED',
      `${formatSocketAddress(address)}: C nfqlb listens there, which takes ${C_LINE} octets a line: ${field} is too long for it`,
    );
  }
}

async function send(address: SocketAddress, request: FlowRequest): Promise<string> {
  const where = formatSocketAddress(address);
  let socket: Socket;
  try {
    socket = await connect(address);
  } catch (cause) {
    throw new FlowCommandError('NOT_CONNECTED', `${where}: no load-balancer with flows listens there: ${(cause as Error).message}`, {
      cause,
    });
  }
  const deadline = setTimeout(() => socket.destroy(new Error(`no reply after ${PATIENCE} ms`)), PATIENCE);
  try {
    socket.write(formatRequest(request));
    const reply = parseReply(await buffer(socket));
    if (reply === '') throw new FlowCommandError('CLOSED', `${where}: it closed the connection`);
    if (reply.startsWith('FAIL')) {
      const reason = reply.replace(/^FAIL:? ?/, '') || 'refused without a reason';
      throw new FlowCommandError(isRefusal(reason) ? 'NOT_PERMITTED' : 'REFUSED', reason);
    }
    return reply;
  } catch (error) {
    if (error instanceof FlowCommandError) throw error;
    throw new FlowCommandError('NO_REPLY', `${where}: ${(error as Error).message}`, { cause: error });
  } finally {
    clearTimeout(deadline);
    socket.destroy();
  }
}
