import { isEncapsulation, type ListedFlow } from '@nfqlb/core/flows';
import type { SocketAddress } from '../sockets/socket-address.js';
import { sendFlowCommand } from './flow-client.js';

/**
 * The flows that are defined at a load-balancer, in its order. C nfqlb lists those, too, that follow from others: these are left out.
 *
 * @throws FlowCommandError
 */
export async function listFlows(address: SocketAddress): Promise<ListedFlow[]> {
  const listed = JSON.parse(await sendFlowCommand(address, { action: 'list', fields: {} })) as ListedFlow[];
  return listed.filter((flow) => !isEncapsulation(flow));
}
