import { isRefusal } from '../sockets/access.js';
import { describeUnreached } from '../sockets/connect.js';
import { exchange } from '../sockets/exchange.js';
import { formatSocketAddress, type SocketAddress } from '../sockets/socket-address.js';
import { ACCEPTED, type Action, C_LINE, type FlowRequest, formatRequest, parseReply } from './flow-message.js';

/** How long to wait for a reply, in milliseconds: to a question, and to a change, whose flows have to be compiled. */
const LIST_TIMEOUT_MS = 10_000;
const CHANGE_TIMEOUT_MS = 60_000;

/** Octets of a list of flows: a load balancer with 10,000 flows of 100 addresses each sends a tenth of it. */
const MAX_REPLY = 256 << 20;

/** Changes of flows that lead to targets. C nfqlb answers nothing to a change of trace flows. */
const CHANGES: ReadonlySet<Action> = new Set(['set', 'delete', 'change']);

/** What C nfqlb says to an action that it does not know. */
const C_UNKNOWN = 'action unknown';

/**
 * A command that the load balancer refused, or could not be told.
 *
 * `UNKNOWN`: a change that got no answer, which may or may not be in force. `NOT_IN_USE`: a change that is in force, but that not all workers use
 * yet. With all other codes nothing has changed.
 */
export class FlowCommandError extends Error {
  override readonly name = 'FlowCommandError';
  readonly code: 'REFUSED' | 'NOT_PERMITTED' | 'NO_REPLY' | 'UNKNOWN' | 'NOT_IN_USE' | 'CLOSED' | 'NOT_CONNECTED';

  constructor(code: FlowCommandError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Tells a load balancer a flow command. To C nfqlb, nothing is said that it would cut off.
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
    if (error.code !== 'CLOSED' && error.code !== 'UNKNOWN' && error.message !== C_UNKNOWN) return;
    throw new FlowCommandError(
      'REFUSED',
      `${formatSocketAddress(address)}: C nfqlb listens there, which takes ${C_LINE} octets a line: ${field} is too long for it`,
    );
  }
}

async function send(address: SocketAddress, request: FlowRequest): Promise<string> {
  const where = formatSocketAddress(address);
  const isChange = CHANGES.has(request.action);
  let isConnected = false;
  try {
    const octets = await exchange(address, {
      request: formatRequest(request),
      timeoutMs: isChange ? CHANGE_TIMEOUT_MS : LIST_TIMEOUT_MS,
      maxReply: MAX_REPLY,
      connected: () => {
        isConnected = true;
      },
    });
    const reply = parseReply(octets);
    if (reply === '') throw noReply('closed the connection without a reply', 'CLOSED');
    if (reply.startsWith('FAIL')) {
      const reason = reply.replace(/^FAIL:? ?/, '') || 'refused without a reason';
      if (reason.startsWith(ACCEPTED)) throw new FlowCommandError('NOT_IN_USE', reason);
      throw new FlowCommandError(isRefusal(reason) ? 'NOT_PERMITTED' : 'REFUSED', reason);
    }
    return reply;
  } catch (error) {
    if (error instanceof FlowCommandError) throw error;
    if (!isConnected) throw new FlowCommandError('NOT_CONNECTED', describeUnreached(where, error, 'nfqlb flowlb'), { cause: error });
    throw noReply((error as Error).message, 'NO_REPLY', error);
  }

  /** A change without a reply may be in force all the same. */
  function noReply(why: string, code: FlowCommandError['code'], cause?: unknown): FlowCommandError {
    if (!isChange) return new FlowCommandError(code, `${where}: ${why}`, { cause });
    return new FlowCommandError('UNKNOWN', `${where}: ${why}: the change may be in force or not (nfqlb flow-list)`, { cause });
  }
}
