// What is said over the flow socket, as C nfqlb does it. One command a connection:
//
//     action:set
//     name:web
//     target:nfqlb
//     dports:80,443
//     eoc:
//
// The reply is `OK`, or `FAIL: reason`, and a NUL; or the JSON of a list. Then the connection is closed.

export type Action = 'set' | 'delete' | 'list' | 'list-names' | 'trace-set' | 'trace-delete' | 'trace-list' | 'trace-list-names';
const ACTIONS: readonly Action[] = ['set', 'delete', 'list', 'list-names', 'trace-set', 'trace-delete', 'trace-list', 'trace-list-names'];

export type Field = 'name' | 'target' | 'priority' | 'protocols' | 'dsts' | 'srcs' | 'dports' | 'sports' | 'match' | 'udpencap';
const FIELDS: readonly Field[] = ['name', 'target', 'priority', 'protocols', 'dsts', 'srcs', 'dports', 'sports', 'match', 'udpencap'];

export interface FlowRequest {
  readonly action: Action;
  /** As they came: lists with commas. What was not given is absent. */
  readonly fields: Readonly<Partial<Record<Field, string>>>;
}

/** A request that is none. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
  readonly code = 'BAD_REQUEST';
}

/** Longest request, in octets: some 50,000 CIDRs. */
export const MAX_REQUEST: number = 1 << 20;

/** Octets that C nfqlb reads of a reply, the NUL included. */
const C_REPLY = 64;

export function formatRequest({ action, fields }: FlowRequest): string {
  return [`action:${action}`, ...Object.entries(fields).map(([field, value]) => `${field}:${value}`), 'eoc:', ''].join('\n');
}

/**
 * Reads a request up to its `eoc:`. Fields that are not known are ignored, as C nfqlb does; of one that comes twice the first counts.
 *
 * @throws {@link BadRequest}
 */
export function parseRequest(text: string): FlowRequest {
  let action: string | undefined;
  const fields: Partial<Record<Field, string>> = {};
  for (const line of text.split('\n')) {
    if (line.startsWith('eoc:')) break;
    const colon = line.indexOf(':');
    if (colon < 0) throw new BadRequest(`${JSON.stringify(line.slice(0, 40))}: must be a field, a colon and its value`);
    const field = line.slice(0, colon);
    const value = line.slice(colon + 1);
    if (field === 'action') action ??= value;
    else if (isField(field)) fields[field] ??= value;
  }
  if (action === undefined) throw new BadRequest('there is no action');
  if (!isAction(action)) throw new BadRequest(`action ${JSON.stringify(action.slice(0, 40))}: must be one of ${ACTIONS.join(', ')}`);
  return { action, fields };
}

/** Whether a request ends in this text. */
export function isWhole(text: string): boolean {
  return /^eoc:/m.test(text);
}

export const OK: Buffer = Buffer.from('OK\0');

/** A refusal. C nfqlb reads 64 octets of it: they end with a NUL, and what is longer goes on behind that. */
export function formatRefusal(reason: string): Buffer {
  const octets = Buffer.from(`FAIL: ${reason.replaceAll('\0', '')}`);
  const end = Buffer.of(0);
  if (octets.length < C_REPLY) return Buffer.concat([octets, end]);
  return Buffer.concat([octets.subarray(0, C_REPLY - 1), end, octets.subarray(C_REPLY - 1), end]);
}

/** The text of a reply. */
export function parseReply(octets: Buffer): string {
  return Buffer.from(octets.filter((octet) => octet !== 0)).toString('utf8');
}

function isField(name: string): name is Field {
  return (FIELDS as readonly string[]).includes(name);
}

function isAction(name: string): name is Action {
  return (ACTIONS as readonly string[]).includes(name);
}
