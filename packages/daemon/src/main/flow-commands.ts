import { describeFailure } from '@nfqlb/options';
import type { FlowHandler } from '@nfqlb/protocol/flow';
import { BadRequest, type FlowRequest, isReading } from '@nfqlb/protocol/flow';
import { Area } from '@nfqlb/protocol/trace';
import { log } from '../log/log.js';
import type { ChangeGate } from '../takeover/change-gate.js';
import type { Tracing } from '../trace/tracing.js';

/**
 * Handles commands from the flow socket: `flows` handles flows, if this load balancer has any; every load balancer has trace flows.
 * Requests are logged, and traced with their answers. Changes go through the gate.
 */
export function flowCommands(flows: FlowHandler | undefined, tracing: Tracing, gate: ChangeGate): FlowHandler {
  return async (request) => {
    const asked = describeRequest(request);
    try {
      const reply = await (isReading(request.action) ? carryOut(request) : gate.pass(() => carryOut(request)));
      log.info(`flow command ${asked}`);
      if (tracing.wants(Area.FlowConf)) tracing.tell(Area.FlowConf, `flow-conf: ${asked} -> ${describeReply(reply)}`);
      return reply;
    } catch (error) {
      const why = describeFailure(error);
      log.info(`flow command ${asked} refused: ${why}`);
      tracing.tell(Area.FlowConf, `flow-conf: ${asked} -> FAIL: ${why}`);
      throw error;
    }
  };

  function carryOut(request: FlowRequest): Buffer | Promise<Buffer> {
    if (request.action.startsWith('trace-')) return tracing.flows.handle(request);
    if (!flows) throw new BadRequest(`${request.action}: this load balancer has no flows; use nfqlb flowlb`);
    return flows(request);
  }
}

/** Characters of a field to show. */
const MAX_SHOWN = 200;

function describeRequest({ action, fields }: FlowRequest): string {
  const shown = (value: string): string => (value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
  return [action, ...Object.entries(fields).map(([field, value]) => `${field}=${shown(value)}`)].join(' ');
}

function describeReply(reply: Buffer): string {
  return reply.length === 3 ? 'OK' : `${reply.length} octets`;
}
