import { type Cidr, hostBitsProblem, parseCidr } from '../address/index.js';
import { CoreError } from '../core-error.js';
import { type ByteMatch, parseByteMatch } from './byte-match.js';
import type { Flow } from './flow.js';
import type { FlowProtocol } from './flow-protocol.js';
import { MAX_PORT, mergePortRanges, PORT_RANGE_FORM, type PortRange, parsePortRange } from './port-range.js';

/** A list: comma-separated text from the flow socket or the command line, or an array from a configuration file. */
export type FlowList = string | readonly (string | number)[];

/** A flow as a user defines it. A field that is absent, `''` or `[]` matches everything. */
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
/** As shm_open(3): a leading slash is not part of the name. */
const TARGET = /^\/?[^/\p{Cc}]{1,255}$/u;

/** Longest part of a rejected value that an error message shows, in characters. */
const MAX_SHOWN = 80;

/**
 * Parses and validates a flow definition.
 *
 * @throws CoreError with one line naming the field, the value and what is allowed: `out-of-range`, or `conflict` for udpencap
 * without SCTP
 */
export function defineFlow(definition: FlowDefinition): Flow {
  const { name, target } = definition;
  if (!NAME.test(name ?? '')) throw rejected('name', name, 'must be 1 to 1000 of the characters A-Z a-z 0-9 + _ -');
  if (!TARGET.test(target ?? '')) throw rejected('target', target, 'must be the name of a table, 1 to 255 characters without a slash');
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
    throw new CoreError(
      'conflict',
      `udpencap ${flow.udpencap}: only allowed with protocols sctp, not with ${flow.protocols.join() || 'any'}`,
    );
  }
  return flow;
}

/** Returns 0 when the value is absent. */
function wholeNumber(field: string, value: number | string | undefined, max: number): number {
  const text = `${value ?? ''}` || '0';
  if (/^\d+$/.test(text) && Number(text) <= max) return Number(text);
  throw rejected(field, value, `must be a whole number from 0 to ${max}`);
}

function protocolsOf(list: FlowList | undefined): FlowProtocol[] {
  // Upper or lower case, as in C nfqlb.
  const named = membersOf(list).map((member) => {
    const protocol = PROTOCOLS.find((known) => known === member.toLowerCase());
    if (protocol === undefined) throw rejected('protocols', member, `must be one of ${PROTOCOLS.join(', ')}`);
    return protocol;
  });
  return PROTOCOLS.filter((protocol) => named.includes(protocol));
}

/**
 * Refuses an address with bits after its prefix, which is probably a mistake: `10.0.0.1/24` means 256 addresses. For files and the command line;
 * C nfqlb's clients may send it, and {@link defineFlow} clears these bits.
 *
 * @throws CoreError `out-of-range`
 */
export function requireNetworks({ dsts, srcs }: Partial<FlowDefinition>): void {
  for (const [field, list] of Object.entries({ dsts, srcs })) {
    for (const member of membersOf(list)) {
      const problem = hostBitsProblem(member);
      if (problem) throw rejected(field, member, problem);
    }
  }
}

function cidrsOf(field: string, list: FlowList | undefined): Cidr[] {
  return membersOf(list).map((member) => {
    const cidr = parseCidr(member);
    if (cidr === undefined) throw rejected(field, member, 'must be ADDRESS/PREFIX, such as 10.0.0.0/8 or 2001:db8::/32');
    return cidr;
  });
}

function portsOf(field: string, list: FlowList | undefined): PortRange[] {
  const ranges = membersOf(list).map((member) => {
    const range = parsePortRange(member);
    if (range === undefined) throw rejected(field, member, `must be ${PORT_RANGE_FORM}`);
    return range;
  });
  return mergePortRanges(ranges);
}

function matchOf(list: FlowList | undefined): ByteMatch[] {
  return membersOf(list).map((member) => {
    try {
      return parseByteMatch(member);
    } catch (error) {
      if (error instanceof CoreError) throw rejected('match', member, error.message);
      throw error;
    }
  });
}

/** Keeps empty members, so that the caller rejects `80,,443`. */
function membersOf(list: FlowList | undefined): string[] {
  if (list === undefined || list === '') return [];
  return typeof list === 'string' ? list.split(',').map((member) => member.trim()) : list.map(String);
}

function rejected(field: string, value: unknown, must: string): CoreError {
  const text = `${value ?? ''}`;
  // JSON escapes newlines: the message stays on one line.
  const shown = JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
  return new CoreError('out-of-range', `${field} ${shown}: ${must}`);
}
