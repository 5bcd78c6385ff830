import { describeFailure } from '@nfqlb/options';
import type { FlowHandler } from '@nfqlb/protocol/flow';
import { BadRequest, type FlowRequest } from '@nfqlb/protocol/flow';
import { Area } from '@nfqlb/protocol/trace';
import { log } from '../log/log.js';
import type { Tracing } from '../trace/tracing.js';

/**
 * What a load balancer does with what comes over the flow socket: flows are for `flows`, where there are any, trace flows are for all.
 * What was asked is logged, and traced with its answer.
 */
export function flowCommands(flows: FlowHandler | undefined, tracing: Tracing): FlowHandler {
  return async (request) => {
    const asked = describeRequest(request);
    try {
      const reply = await carryOut(request);
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
    if (!flows) throw new BadRequest(`${request.action}: this load balancer has no flows; nfqlb flowlb has`);
    return flows(request);
  }
}

/** Characters of a field that are shown. */
const SHOWN = 200;

function describeRequest({ action, fields }: FlowRequest): string {
  const shown = (value: string): string => (value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value);
  return [action, ...Object.entries(fields).map(([field, value]) => `${field}=${shown(value)}`)].join(' ');
}

function describeReply(reply: Buffer): string {
  return reply.length === 3 ? 'OK' : `${reply.length} octets`;
}
