import { setTimeout as sleep } from 'node:timers/promises';
import { defineFlow, definitionOf, type FlowDefinition, listFlow } from '@nfqlb/core/flows';
import type { SocketAddress } from '../sockets/socket-address.js';
import { FlowCommandError, sendFlowCommand } from './flow-client.js';
import type { FlowChanges, FlowRequest } from './flow-message.js';
import { listFlows } from './listed-flows.js';

/** How often to look whether a change without an answer is in force, and how many times. */
const LOOK_INTERVAL_MS = 500;
const LOOKS = 6;

/**
 * Sends a request that changes flows. If there is no answer, looks whether the change is in force.
 *
 * @param request says `changes` in one of its forms
 * @throws {@link FlowCommandError}: `UNKNOWN` when there was no answer, and the change is not seen to be in force
 */
export async function changeFlows(address: SocketAddress, request: FlowRequest, changes: FlowChanges): Promise<void> {
  try {
    await sendFlowCommand(address, request);
  } catch (error) {
    if (!(error instanceof FlowCommandError && error.code === 'UNKNOWN')) throw error;
    for (let look = 1; ; look++) {
      if (await isInForce(address, changes)) return;
      if (look === LOOKS) throw error;
      await sleep(LOOK_INTERVAL_MS);
    }
  }
}

async function isInForce(address: SocketAddress, { define, delete: names }: FlowChanges): Promise<boolean> {
  try {
    const listed = new Map((await listFlows(address)).map((flow) => [flow.name, inOneForm(definitionOf(flow))]));
    const isDefined = define.every((flow) => listed.get(flow.name) === inOneForm(flow));
    return isDefined && names.every((name) => !listed.has(name) || define.some((flow) => flow.name === name));
  } catch {
    return false;
  }
}

/** Equal for equal flows, however they were written. */
function inOneForm(definition: FlowDefinition): string {
  const flow = defineFlow(definition);
  return JSON.stringify(listFlow(flow, 0, flow.target));
}
