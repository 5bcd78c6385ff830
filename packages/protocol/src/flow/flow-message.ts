// What is said over the flow socket, as C nfqlb does it. One command a connection:
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
/** All but `change` are C nfqlb's. That has one field, `changes`: {@link FlowChanges} in JSON. */
export type Action = (typeof ACTIONS)[number];

const READING: ReadonlySet<Action> = new Set(['list', 'list-names', 'trace-list', 'trace-list-names']);

const FIELDS = ['name', 'target', 'priority', 'protocols', 'dsts', 'srcs', 'dports', 'sports', 'match', 'udpencap', 'changes'] as const;
export type Field = (typeof FIELDS)[number];

/** What shall become of flows, all at once or not at all. */
export interface FlowChanges {
  readonly define: readonly FlowDefinition[];
  /** Names. */
  readonly delete: readonly string[];
}

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

/** Longest request, in octets: some 400,000 CIDRs, or 30,000 flows. */
export const MAX_REQUEST: number = 8 << 20;

/** Octets that C nfqlb reads of a line of a request, without its end; what is behind these it takes for the next line. */
export const C_LINE = 1022;

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

/**
 * Reads the field `changes`. What its flows may be is not checked here.
 *
 * @throws {@link BadRequest}
 */
export function parseChanges(text: string | undefined): FlowChanges {
  const { define, delete: names } = objectIn(text ?? '') as Partial<FlowChanges>;
  const isWhole =
    Array.isArray(define) &&
    define.every((flow) => typeof flow === 'object' && flow !== null) &&
    Array.isArray(names) &&
    names.every(isText);
  if (!isWhole) throw new BadRequest('changes: must be JSON, as {"define": [{"name": "web", "target": "web"}], "delete": ["dns"]}');
  return { define, delete: names };
}

/** An empty one where `text` is no JSON of an object. */
function objectIn(text: string): object {
  try {
    return Object(JSON.parse(text)) as object;
  } catch {
    return {};
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

export const OK: Buffer = Buffer.from('OK\0');

/** A refusal that begins so is none: the change is in force, but not all workers use it yet. C nfqlb's clients show it as a failure. */
export const ACCEPTED = 'accepted, but ';

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

/** Whether an action changes nothing. */
export function isReading(action: Action): boolean {
  return READING.has(action);
}

function isField(name: string): name is Field {
  return (FIELDS as readonly string[]).includes(name);
}

function isAction(name: string): name is Action {
  return (ACTIONS as readonly string[]).includes(name);
}
