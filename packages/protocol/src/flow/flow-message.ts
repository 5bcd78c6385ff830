// The protocol of the flow socket, as in C nfqlb. One command per connection:
//
//     action:set
//     name:web
//     target:nfqlb
//     dports:80,443
//     eoc:
//
// `action:change` changes many flows at once. The reply is `OK`, or `FAIL: reason`, and a NUL; or the JSON of a list. Then the connection is closed.

import type { FlowDefinition } from '@nfqlb/core/flows';

const ACTIONS = ['set', 'delete', 'list', 'list-names', 'trace-set', 'trace-delete', 'trace-list', 'trace-list-names', 'change'] as const;
/** All but `change` exist in C nfqlb, too. `change` has one field, `changes`: {@link FlowChanges} in JSON. */
export type Action = (typeof ACTIONS)[number];

const READ_ACTIONS: ReadonlySet<Action> = new Set(['list', 'list-names', 'trace-list', 'trace-list-names']);

const FIELDS = ['name', 'target', 'priority', 'protocols', 'dsts', 'srcs', 'dports', 'sports', 'match', 'udpencap', 'changes'] as const;
export type Field = (typeof FIELDS)[number];

/** Changes of flows, applied all together or not at all. */
export interface FlowChanges {
  readonly define: readonly FlowDefinition[];
  /** Names. */
  readonly delete: readonly string[];
}

export interface FlowRequest {
  readonly action: Action;
  /** Unparsed: lists are separated by commas. Optional. */
  readonly fields: Readonly<Partial<Record<Field, string>>>;
}

/** An invalid request. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
  readonly code = 'BAD_REQUEST';
}

/** Maximum length of a request, in octets: some 400,000 CIDRs, or 30,000 flows. */
export const MAX_REQUEST: number = 8 << 20;

/** Octets that C nfqlb reads of a request's line, without the newline; it takes the rest for the next line. */
export const C_LINE = 1022;

/** Octets that C nfqlb reads of a reply, including the NUL. */
const C_REPLY = 64;

export function formatRequest({ action, fields }: FlowRequest): string {
  return [`action:${action}`, ...Object.entries(fields).map(([field, value]) => `${field}:${value}`), 'eoc:', ''].join('\n');
}

/**
 * Parses a request up to its `eoc:`. Unknown fields are ignored, as in C nfqlb; the first of duplicate fields counts.
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
  if (action === undefined) throw new BadRequest('no action');
  if (!isAction(action)) throw new BadRequest(`action ${JSON.stringify(action.slice(0, 40))}: must be one of ${ACTIONS.join(', ')}`);
  return { action, fields };
}

/**
 * Parses the field `changes`. Of the flow definitions, checks only the types of their fields.
 *
 * @throws {@link BadRequest}
 */
export function parseChanges(text: string | undefined): FlowChanges {
  const { define, delete: names } = parseObject(text ?? '') as Partial<FlowChanges>;
  const isValid =
    Array.isArray(define) &&
    define.every((flow) => typeof flow === 'object' && flow !== null) &&
    Array.isArray(names) &&
    names.every(isText);
  if (!isValid) throw new BadRequest('changes: must be JSON, as {"define": [{"name": "web", "target": "web"}], "delete": ["dns"]}');
  define.forEach((flow, i) => {
    const field = wrongField(flow);
    if (field !== undefined) throw new BadRequest(`changes: flow ${i + 1}: ${field}`);
  });
  return { define, delete: names };
}

/** Which field of a flow in JSON has a wrong type, and which it must have. */
function wrongField({ name, target, priority, udpencap, ...others }: FlowDefinition): string | undefined {
  if (!isText(name)) return 'name must be text';
  if (!isText(target)) return 'target must be text';
  for (const [field, value] of Object.entries({ priority, udpencap })) {
    if (value !== undefined && !isTextOrNumber(value)) return `${field} must be a number`;
  }
  const { protocols, dsts, srcs, dports, sports, match } = others;
  for (const [field, value] of Object.entries({ protocols, dsts, srcs, dports, sports, match })) {
    const isList = value === undefined || isText(value) || (Array.isArray(value) && value.every(isTextOrNumber));
    if (!isList) return `${field} must be text, or a list of texts and numbers`;
  }
  return undefined;
}

/** Parses a JSON object; returns an empty one if `text` is not JSON. */
function parseObject(text: string): object {
  try {
    return Object(JSON.parse(text)) as object;
  } catch {
    return {};
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTextOrNumber(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

export const OK: Buffer = Buffer.from('OK\0');

/** Prefix of a refusal that is not one: the change is in force, but not all workers use it yet. C nfqlb's clients show it as a failure. */
export const ACCEPTED = 'accepted, but ';

/** Formats a refusal. C nfqlb reads 64 octets of it: these end with a NUL, and the rest of a longer text follows. */
export function formatRefusal(reason: string): Buffer {
  const octets = Buffer.from(`FAIL: ${reason.replaceAll('\0', '')}`);
  const end = Buffer.of(0);
  if (octets.length < C_REPLY) return Buffer.concat([octets, end]);
  return Buffer.concat([octets.subarray(0, C_REPLY - 1), end, octets.subarray(C_REPLY - 1), end]);
}

/** Returns the text of a reply. */
export function parseReply(octets: Buffer): string {
  return Buffer.from(octets.filter((octet) => octet !== 0)).toString('utf8');
}

/** Whether an action only reads. */
export function isReading(action: Action): boolean {
  return READ_ACTIONS.has(action);
}

function isField(name: string): name is Field {
  return (FIELDS as readonly string[]).includes(name);
}

function isAction(name: string): name is Action {
  return (ACTIONS as readonly string[]).includes(name);
}
