import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { connect } from '../sockets/connect.js';
import { formatSocketAddress, type SocketAddress } from '../sockets/socket-address.js';
import { type FlowRequest, formatRequest, parseReply } from './flow-message.js';

/** How long to wait for a reply, in milliseconds. */
const PATIENCE = 10_000;

/** A command that the load-balancer refused, or could not be told. */
export class FlowCommandError extends Error {
  override readonly name = 'FlowCommandError';
  readonly code: 'REFUSED' | 'NO_REPLY' | 'CLOSED' | 'NOT_CONNECTED';

  constructor(code: FlowCommandError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Tells a load-balancer a flow command.
 *
 * @returns its reply: `OK`, or the JSON of a list
 * @throws {@link FlowCommandError}
 */
export async function sendFlowCommand(address: SocketAddress, request: FlowRequest): Promise<string> {
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
    if (reply.startsWith('FAIL')) throw new FlowCommandError('REFUSED', reply.replace(/^FAIL:? ?/, '') || 'refused without a reason');
    return reply;
  } catch (error) {
    if (error instanceof FlowCommandError) throw error;
    throw new FlowCommandError('NO_REPLY', `${where}: ${(error as Error).message}`, { cause: error });
  } finally {
    clearTimeout(deadline);
    socket.destroy();
  }
}
