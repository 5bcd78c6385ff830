// Any octets as a request at the flow socket, in pieces of any length: refused in one line, or flows that are what their list says.

import { CoreError } from '@nfqlb/core';
import { compileFlows, defineFlow, definitionOf, type Flow, type FlowDefinition, FlowLookup, FlowSet, listFlow } from '@nfqlb/core/flows';
import { type FuzzTarget, isTrue, same } from '@nfqlb/core/testing';
import { BadRequest, formatRefusal, formatRequest, parseChanges, parseReply, parseRequest } from './flow-message.js';
import { RequestBuffer } from './request-buffer.js';

/** Longest refusal, in characters: a line that a person reads. */
const MAX_REFUSAL = 1500;

const FIELDS =
  'priority:1\nprotocols:tcp\ndsts:10.0.0.0/8,1000::/16\nsrcs:::/0\ndports:80,443-445\nsports:1\nmatch:tcp[2:2]=80\nudpencap:0\n';

/** All pieces must give the same request as the whole. */
function received(octets: Uint8Array, piece: number): string | undefined {
  const request = new RequestBuffer();
  for (let at = 0; at < octets.length; at += piece) {
    if (request.append(Buffer.from(octets.subarray(at, at + piece)))) return request.text;
  }
  return undefined;
}

function flowsOf(text: string): { readonly flows: Flow[]; readonly deleted: readonly string[] } {
  const { action, fields } = parseRequest(text);
  same('formatted again', parseRequest(formatRequest({ action, fields })), { action, fields });
  if (action === 'set' || action === 'trace-set') {
    const { name = '', target = 'table', changes: _, ...rest } = fields;
    return { flows: [defineFlow({ name, target, ...rest })], deleted: [] };
  }
  if (action !== 'change') return { flows: [], deleted: fields.name === undefined ? [] : [fields.name] };
  const { define, delete: deleted } = parseChanges(fields.changes);
  return { flows: define.map((definition) => defineFlow(definition)), deleted };
}

const lists: FlowDefinition = { name: 'a', target: 't', protocols: ['tcp'], dports: [80, '81-90'], priority: 3 };
const target: FuzzTarget = {
  seeds: [
    `\x01action:set\nname:a\ntarget:t\n${FIELDS}eoc:\n`,
    `\x07action:set\nname:a\ntarget:t\nprotocols:sctp\nudpencap:9899\neoc:`,
    `\x40action:change\nchanges:${JSON.stringify({ define: [lists], delete: ['b'] })}\neoc:\n`,
    '\x03action:list\nname:a\neoc:',
  ],
  words: [
    ...[
      'action:',
      'set',
      'delete',
      'list',
      'change',
      'trace-set',
      'name:',
      'target:',
      'priority:',
      'protocols:',
      'dsts:',
      'srcs:',
      'dports:',
    ],
    ...[
      'sports:',
      'match:',
      'udpencap:',
      'changes:',
      '\neoc:',
      '{"define":[',
      '"name":',
      '"target":',
      '"dsts":',
      '"priority":',
      '"delete":[',
    ],
    ...[
      'null',
      'true',
      '{}',
      '[]',
      '1',
      '""',
      '-1',
      '1e9',
      '4294967295',
      '65536',
      '::ffff:10.0.0.0/104',
      '0.0.0.0/0',
      '/',
      ',',
      '\\u0000',
      '"__proto__":',
    ],
  ],
  run(input) {
    const piece = 1 + input.u8();
    const octets = input.rest();
    const text = received(octets, piece);
    const whole = received(octets, octets.length + 1);
    same('complete, whatever the pieces', text === undefined, whole === undefined);
    if (text === undefined) return;
    let flows: Flow[];
    try {
      ({ flows } = flowsOf(text));
    } catch (error) {
      if (!(error instanceof BadRequest || error instanceof CoreError)) throw error;
      const { message } = error;
      isTrue('a refusal of one line', !/[\n\r\0]/.test(message) && message.length < MAX_REFUSAL, message);
      same('a reply that clients can read', parseReply(formatRefusal(message)), `FAIL: ${message}`);
      return;
    }
    for (const flow of flows) {
      isTrue('names are text', typeof flow.name === 'string' && typeof flow.target === 'string', flow);
      const listed = listFlow(flow, 0, flow.target);
      same('defined again, as it is listed', defineFlow(definitionOf(listed)), flow);
      same('as JSON', JSON.parse(JSON.stringify(listed)), listed);
    }
    const set = new FlowSet(flows);
    const lookup = new FlowLookup(compileFlows(set));
    same('all flows are compiled', lookup.count >= set.size, true);
  },
};
export default target;
