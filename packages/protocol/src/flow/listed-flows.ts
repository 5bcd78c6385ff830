import { isEncapsulation, type ListedFlow } from '@nfqlb/core/flows';
import { formatSocketAddress, type SocketAddress } from '../sockets/socket-address.js';
import { FlowCommandError, sendFlowCommand } from './flow-client.js';

/**
 * The flows defined at a load balancer, in its order, without derived flows, which C nfqlb lists, too.
 *
 * @throws `FlowCommandError`
 */
export async function listFlows(address: SocketAddress): Promise<ListedFlow[]> {
  const listed: unknown = parse(await sendFlowCommand(address, { action: 'list', fields: {} }));
  if (!Array.isArray(listed) || !listed.every(isListedFlow)) {
    throw new FlowCommandError('NO_REPLY', `${formatSocketAddress(address)}: the reply is not a list of flows`);
  }
  return listed.filter((flow) => !isEncapsulation(flow));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const LISTS = ['protocols', 'dests', 'dports', 'srcs', 'sports', 'match'] as const;

/** Any program may listen at the address, so its reply must be checked. */
function isListedFlow(value: unknown): value is ListedFlow {
  if (typeof value !== 'object' || value === null) return false;
  const flow = value as Record<string, unknown>;
  const isOptional = (field: string, type: 'string' | 'number'): boolean => flow[field] === undefined || typeof flow[field] === type;
  const isList = (field: string): boolean =>
    flow[field] === undefined || (Array.isArray(flow[field]) && flow[field].every((member) => typeof member === 'string'));
  return (
    typeof flow.name === 'string' &&
    typeof flow.priority === 'number' &&
    typeof flow.matches_count === 'number' &&
    isOptional('user_ref', 'string') &&
    isOptional('udpencap', 'number') &&
    LISTS.every(isList)
  );
}
