// What is said over the trace socket. C nfqlb's client says nothing, and prints what comes. So the load balancer greets with C's line, in
// which this project's client sees that it may ask for more than C's:
//
//     Trace active, mask=0x00000042, requests taken
//                                            {"areas":66,"octets":true}
//     {"areas":66}
//     {"area":2,"text":"…","packet":{"time":…,"wireLength":60,"octets":"RQAA…","comment":"…"}}
//
// A line is an object from the one with the areas on. Before, and where no request comes soon, lines are text.

import { formatMask } from './areas.js';

/** What a client asks for. */
export interface TraceRequest {
  readonly areas: number;
  /** Whether packets shall come with their octets. */
  readonly octets: boolean;
}

/** A traced packet as it can be captured. */
export interface SentPacket {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly wireLength: number;
  /** Base64. */
  readonly octets: string;
  readonly comment: string;
}

/** One thing that happened. */
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

/** What a client is told, in place of a greeting, that may not trace. */
export function formatTraceRefusal(reason: string): string {
  return `${REFUSED}${reason}`;
}

/** Why this client may not trace; `undefined` for another line. */
export function parseTraceRefusal(greeting: string): string | undefined {
  return greeting.startsWith(REFUSED) ? greeting.slice(REFUSED.length) : undefined;
}

/** Whether a load balancer that greets so takes requests. */
export function takesRequests(greeting: string): boolean {
  return greeting.endsWith(INVITATION);
}

/** Reads a request; `undefined` if it is none. */
export function parseRequest(line: string): TraceRequest | undefined {
  const { areas, octets } = objectOf(line);
  if (!Number.isInteger(areas) || typeof octets !== 'boolean') return undefined;
  return { areas: areas as number, octets };
}

/** Reads what a load balancer says after a request; `undefined` for a line of text. */
export function parseEvent(line: string): TraceEvent | undefined {
  const { areas, text, packet } = objectOf(line);
  if (!Number.isInteger(areas) || typeof text !== 'string') return undefined;
  return { areas: areas as number, text, ...(isPacket(packet) && { packet }) };
}

/** The areas that a load balancer traces for a request; `undefined` when the line is not about that. */
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
