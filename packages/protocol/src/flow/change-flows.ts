import { setTimeout as sleep } from 'node:timers/promises';
import { defineFlow, definitionOf, type FlowDefinition, listFlow } from '@nfqlb/core/flows';
import type { SocketAddress } from '../sockets/socket-address.js';
import { FlowCommandError, sendFlowCommand } from './flow-client.js';
import type { FlowChanges, FlowRequest } from './flow-message.js';
import { listFlows } from './listed-flows.js';

/** How often, and how many times, to check whether an unanswered change is in force. */
const CHECK_INTERVAL_MS = 500;
const MAX_CHECKS = 6;

/**
 * Sends a request that changes flows. If there is no answer, checks whether the change is in force.
 *
 * @param request any request that makes these `changes`
 * @throws {@link FlowCommandError}: `UNKNOWN` if there was no answer and the change does not seem to be in force
 */
export async function changeFlows(address: SocketAddress, request: FlowRequest, changes: FlowChanges): Promise<void> {
  try {
    await sendFlowCommand(address, request);
  } catch (error) {
    if (!(error instanceof FlowCommandError && error.code === 'UNKNOWN')) throw error;
    for (let check = 1; ; check++) {
      if (await isInForce(address, changes)) return;
      if (check === MAX_CHECKS) throw error;
      await sleep(CHECK_INTERVAL_MS);
    }
  }
}

async function isInForce(address: SocketAddress, { define, delete: names }: FlowChanges): Promise<boolean> {
  try {
    const listed = new Map((await listFlows(address)).map((flow) => [flow.name, canonical(definitionOf(flow))]));
    const isDefined = define.every((flow) => listed.get(flow.name) === canonical(flow));
    return isDefined && names.every((name) => !listed.has(name) || define.some((flow) => flow.name === name));
  } catch {
    return false;
  }
}

/** Canonical form: equal for equal flows, however they are written. */
function canonical(definition: FlowDefinition): string {
  const flow = defineFlow(definition);
  return JSON.stringify(listFlow(flow, 0, flow.target));
}
