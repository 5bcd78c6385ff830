import { type Cidr, parseCidr } from '../address/index.js';
import { CoreError } from '../core-error.js';
import { type ByteMatch, parseByteMatch } from './byte-match.js';
import type { Flow } from './flow.js';
import type { FlowProtocol } from './flow-protocol.js';
import { MAX_PORT, mergePortRanges, PORT_RANGE_FORM, type PortRange, parsePortRange } from './port-range.js';

/** A list as the flow socket and the command line give it, comma-separated, or as a configuration file does. */
export type FlowList = string | readonly (string | number)[];

/** A flow as a user defines it. What is absent, `''` or `[]` is not asked for. */
export interface FlowDefinition {
  readonly name: string;
  /** Shared-memory name of the target table. */
  readonly target: string;
  readonly priority?: number | string | undefined;
  readonly protocols?: FlowList | undefined;
  readonly dsts?: FlowList | undefined;
  readonly srcs?: FlowList | undefined;
  readonly dports?: FlowList | undefined;
  readonly sports?: FlowList | undefined;
  readonly match?: FlowList | undefined;
  /** A UDP port; 0 for none. */
  readonly udpencap?: number | string | undefined;
}

const PROTOCOLS: readonly FlowProtocol[] = ['tcp', 'udp', 'sctp'];
const MAX_PRIORITY = 0xffffffff;
const NAME = /^[A-Za-z0-9+_-]{1,1000}$/;
/** As shm_open(3) reads names: a slash before them is none of them. */
const TARGET = /^\/?[^/\p{Cc}]{1,255}$/u;

/** Characters of a refused value that an error shows. */
const SHOWN = 80;

/**
 * Reads a definition, and checks all of it.
 *
 * @throws {@link CoreError} in one line that says which field, what value, and what is allowed: `out-of-range`, or `conflict`
 * for a port of encapsulation without SCTP
 */
export function defineFlow(definition: FlowDefinition): Flow {
  const { name, target } = definition;
  if (!NAME.test(name ?? '')) throw refusal('name', name, 'must be 1 to 1000 of the characters A-Z a-z 0-9 + _ -');
  if (!TARGET.test(target ?? '')) throw refusal('target', target, 'must be the name of a table, 1 to 255 characters without a slash');
  const flow: Flow = {
    name,
    target,
    priority: wholeNumber('priority', definition.priority, MAX_PRIORITY),
    protocols: protocolsOf(definition.protocols),
    dsts: cidrsOf('dsts', definition.dsts),
    srcs: cidrsOf('srcs', definition.srcs),
    dports: portsOf('dports', definition.dports),
    sports: portsOf('sports', definition.sports),
    match: matchOf(definition.match),
    udpencap: wholeNumber('udpencap', definition.udpencap, MAX_PORT),
  };
  if (flow.udpencap !== 0 && flow.protocols.join() !== 'sctp') {
    throw new CoreError('conflict', `udpencap ${flow.udpencap}: needs protocols sctp alone, not ${flow.protocols.join() || 'any'}`);
  }
  return flow;
}

/** 0 when it is absent. */
function wholeNumber(field: string, value: number | string | undefined, max: number): number {
  const text = `${value ?? ''}` || '0';
  if (/^\d+$/.test(text) && Number(text) <= max) return Number(text);
  throw refusal(field, value, `must be a whole number from 0 to ${max}`);
}

function protocolsOf(list: FlowList | undefined): FlowProtocol[] {
  // In any case, as C nfqlb reads them.
  const named = membersOf(list).map((member) => {
    const protocol = PROTOCOLS.find((known) => known === member.toLowerCase());
    if (protocol === undefined) throw refusal('protocols', member, `must be of ${PROTOCOLS.join(', ')}`);
    return protocol;
  });
  return PROTOCOLS.filter((protocol) => named.includes(protocol));
}

function cidrsOf(field: string, list: FlowList | undefined): Cidr[] {
  return membersOf(list).map((member) => {
    const cidr = parseCidr(member);
    if (cidr === undefined) throw refusal(field, member, 'must be ADDRESS/PREFIX, as 10.0.0.0/8 or 2001:db8::/32');
    return cidr;
  });
}

function portsOf(field: string, list: FlowList | undefined): PortRange[] {
  const ranges = membersOf(list).map((member) => {
    const range = parsePortRange(member);
    if (range === undefined) throw refusal(field, member, `must be ${PORT_RANGE_FORM}`);
    return range;
  });
  return mergePortRanges(ranges);
}

function matchOf(list: FlowList | undefined): ByteMatch[] {
  return membersOf(list).map((member) => {
    try {
      return parseByteMatch(member);
    } catch (error) {
      if (error instanceof CoreError) throw refusal('match', member, error.message);
      throw error;
    }
  });
}

/** An empty member is one, and refused by who reads it: `80,,443` is no list of ports. */
function membersOf(list: FlowList | undefined): string[] {
  if (list === undefined || list === '') return [];
  return typeof list === 'string' ? list.split(',').map((member) => member.trim()) : list.map(String);
}

function refusal(field: string, value: unknown, must: string): CoreError {
  const text = `${value ?? ''}`;
  // In JSON a line end is \n: the refusal stays one line.
  const shown = JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
  return new CoreError('out-of-range', `${field} ${shown}: ${must}`);
}
