import { isRefusal } from '../sockets/access.js';
import { describeUnreached } from '../sockets/connect.js';
import { exchange } from '../sockets/exchange.js';
import { formatSocketAddress, type SocketAddress } from '../sockets/socket-address.js';
import { ACCEPTED, type Action, C_LINE, type FlowRequest, formatRequest, parseReply } from './flow-message.js';

/** How long to wait for the reply to a list command, and to a change, whose flows must be compiled. */
const LIST_TIMEOUT_MS = 10_000;
const CHANGE_TIMEOUT_MS = 60_000;

/** Maximum length of a list of flows, in octets: 10,000 flows with 100 addresses each take a tenth of it. */
const MAX_REPLY = 256 << 20;

/** Changes of flows with targets. C nfqlb does not answer changes of trace flows. */
const CHANGES: ReadonlySet<Action> = new Set(['set', 'delete', 'change']);

/** C nfqlb's answer to an unknown action. */
const C_UNKNOWN = 'action unknown';

/**
 * The load balancer refused a command, or could not be reached.
 *
 * `UNKNOWN`: a change got no answer; it may or may not be in force. `NOT_IN_USE`: a change is in force, but not all workers use it yet. With all
 * other codes, nothing has changed.
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
 * Sends a flow command to a load balancer. Never sends lines to C nfqlb that it would truncate.
 *
 * @returns its reply: `OK`, or the JSON of a list
 * @throws {@link FlowCommandError}
 */
export async function sendFlowCommand(address: SocketAddress, request: FlowRequest): Promise<string> {
  if (request.action !== 'change') await checkLines(address, request);
  return await send(address, request);
}

/** If a line is too long for C nfqlb, checks with an empty `change`, which C nfqlb does not know, whether the load balancer is one. */
async function checkLines(address: SocketAddress, request: FlowRequest): Promise<void> {
  const field = Object.entries(request.fields).find(([name, value]) => Buffer.byteLength(`${name}:${value}`) > C_LINE)?.[0];
  if (field === undefined) return;
  try {
    await send(address, { action: 'change', fields: { changes: JSON.stringify({ define: [], delete: [] }) } });
  } catch (error) {
    if (!(error instanceof FlowCommandError)) throw error;
    // Any other answer: it is not C nfqlb, or cannot be reached.
    if (error.code !== 'CLOSED' && error.code !== 'UNKNOWN' && error.message !== C_UNKNOWN) return;
    throw new FlowCommandError(
      'REFUSED',
      `${formatSocketAddress(address)}: C nfqlb listens there, which takes at most ${C_LINE} octets per line: ${field} is too long for it`,
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

  /** A change may be in force even without a reply. */
  function noReply(why: string, code: FlowCommandError['code'], cause?: unknown): FlowCommandError {
    if (!isChange) return new FlowCommandError(code, `${where}: ${why}`, { cause });
    return new FlowCommandError('UNKNOWN', `${where}: ${why}: the change may be in force or not (nfqlb flow-list)`, { cause });
  }
}
