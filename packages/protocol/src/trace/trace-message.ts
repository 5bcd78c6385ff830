// The protocol of the trace socket. C nfqlb's client sends nothing, and prints what it receives. So the load balancer's greeting is C nfqlb's,
// with an addition that tells our client that it may send a request:
//
//     Trace active, mask=0x00000042, requests taken
//                                            {"areas":66,"octets":true}
//     {"areas":66}
//     {"area":2,"text":"…","packet":{"time":…,"wireLength":60,"octets":"RQAA…","comment":"…"}}
//
// Starting with the answer that has the areas, each line is a JSON object. Before that, and without a request, lines are text.

import { formatMask } from './areas.js';

/** A client's request. */
export interface TraceRequest {
  readonly areas: number;
  /** Whether to send packets with their octets. */
  readonly octets: boolean;
}

/** A traced packet with the data for a capture. */
export interface SentPacket {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly wireLength: number;
  /** Base64. */
  readonly octets: string;
  readonly comment: string;
}

/** One event of a trace. */
export interface TraceEvent {
  /** Areas that it belongs to; 0 for a note about the trace itself. */
  readonly areas: number;
  /** One line. */
  readonly text: string;
  readonly packet?: SentPacket;
}

const INVITATION = ', requests taken';

export function formatGreeting(mask: number): string {
  return `Trace active, mask=${formatMask(mask)}${INVITATION}`;
}

const REFUSED = 'FAIL: ';

/** Sent instead of a greeting to a client that may not trace. */
export function formatTraceRefusal(reason: string): string {
  return `${REFUSED}${reason}`;
}

/** Why this client may not trace; `undefined` if the line is not a refusal. */
export function parseTraceRefusal(greeting: string): string | undefined {
  return greeting.startsWith(REFUSED) ? greeting.slice(REFUSED.length) : undefined;
}

/** Whether a load balancer with this greeting accepts requests. */
export function takesRequests(greeting: string): boolean {
  return greeting.endsWith(INVITATION);
}

/** Parses a request; `undefined` if it is invalid. */
export function parseRequest(line: string): TraceRequest | undefined {
  const { areas, octets } = objectOf(line);
  if (!Number.isInteger(areas) || typeof octets !== 'boolean') return undefined;
  return { areas: areas as number, octets };
}

/** Parses an event that a load balancer sends after a request; `undefined` for a line of text. */
export function parseEvent(line: string): TraceEvent | undefined {
  const { areas, text, packet } = objectOf(line);
  if (!Number.isInteger(areas) || typeof text !== 'string') return undefined;
  return { areas: areas as number, text, ...(isPacket(packet) && { packet }) };
}

/** Parses the answer to a request: the areas that the load balancer will trace; `undefined` for any other line. */
export function parseAnswer(line: string): number | undefined {
  const { areas, text } = objectOf(line);
  return Number.isInteger(areas) && text === undefined ? (areas as number) : undefined;
}

function isPacket(value: unknown): value is SentPacket {
  if (typeof value !== 'object' || value === null) return false;
  const { time, wireLength, octets, comment } = value as Record<string, unknown>;
  return typeof time === 'number' && Number.isInteger(wireLength) && typeof octets === 'string' && typeof comment === 'string';
}

function objectOf(line: string): Record<string, unknown> {
  if (!line.startsWith('{')) return {};
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}
