// How a load balancer hands over to one that is started beside it, over an abstract unix socket of its own. Each message is a line of JSON:
//
//     new                              old
//      | request  ------------------->  |  checks whether it may, and whether the queues are the same
//      |  <----------- offer, descriptors  |  flow changes wait from here on
//      |  prepares everything           |
//      | ready  ---------------------->  |  its workers pause between two batches
//      |  <------------------------ yours  |  the state is complete
//      |  its workers receive           |
//      | in-charge  ------------------>  |  closes its sockets
//      |  <--------------------- farewell  |  and ends
//
// Until `in-charge`, the old one goes on if the connection ends. It may say `refused`, with a reason, instead of anything else. What a program says
// belongs to root or its own user (access.ts); it is checked nevertheless, since it may be of any version.

import { printable } from '@nfqlb/core/explanation';

/** Changes when another version would misread these messages. Parts of the state have layouts of their own ({@link StatePart.layout}). */
export const TAKEOVER_FORMAT = 1;

/** What the new program says first. */
export interface Request {
  readonly takeover: typeof TAKEOVER_FORMAT;
  /** `nfqlb-0.3.0`. */
  readonly version: string;
  readonly queues: { readonly first: number; readonly last: number };
  /** Where it decides packets in the kernel: the old program leaves its own there, and removes it elsewhere. */
  readonly interfaces: readonly string[];
}

/** A part of the state: memory that both programs have in the same form, if its layout is the same text. */
export interface StatePart {
  readonly name: string;
  readonly layout: string;
  readonly octets: number;
}

/** What the old program hands over. */
export interface Offer {
  readonly takeover: typeof TAKEOVER_FORMAT;
  readonly version: string;
  readonly pid: number;
  /** What each of the descriptors is that come with this message: `queue 2`, `state`, `tun nfqlb0`, `listen unix:nfqlb-flow`, … */
  readonly descriptors: readonly string[];
  /** What is in the file `state`, one after the other. */
  readonly state: readonly StatePart[];
  /** Where its flows can be asked for; absent if it has none. */
  readonly flowAddress?: string;
  /** The service manager that it reports to, and the period of its watchdog in milliseconds. */
  readonly service?: { readonly address: string; readonly period?: number };
  /** Whether its VIPs were withdrawn by `nfqlb announce drain`. */
  readonly drained?: boolean;
}

export type Word = 'ready' | 'yours' | 'in-charge' | 'farewell';

/** Why there is no takeover, in one line. */
export class TakeoverError extends Error {
  override readonly name = 'TakeoverError';
  readonly code = 'NO_TAKEOVER';
}

/** Maximum length of a message, in octets: 253 descriptors and their names take half of it. */
export const MAX_MESSAGE = 32_768;

export function formatMessage(message: Request | Offer | { readonly word: Word } | { readonly refused: string }): string {
  return `${JSON.stringify(message)}\n`;
}

/** @throws {@link TakeoverError} if it is no message */
export function parseMessage(line: string): Readonly<Record<string, unknown>> {
  try {
    const message: unknown = JSON.parse(line);
    if (typeof message === 'object' && message !== null && !Array.isArray(message)) return message as Record<string, unknown>;
  } catch {
    // Not JSON.
  }
  throw new TakeoverError('what it says is no message of a takeover');
}

/** Why a program refuses, in one line; `undefined` if it does not. */
export function refusalIn({ refused }: Readonly<Record<string, unknown>>): string | undefined {
  if (refused === undefined) return undefined;
  return typeof refused === 'string' ? printable(refused) : 'it refuses, and does not say why';
}

/** Why a request cannot be granted by a load balancer of these queues; `undefined` if it can. */
export function faultInRequest(request: Readonly<Record<string, unknown>>, own: Request['queues']): string | undefined {
  const { takeover, version, queues, interfaces } = request as Partial<Request>;
  if (takeover !== TAKEOVER_FORMAT)
    return `it speaks ${Number.isSafeInteger(takeover) ? `format ${takeover}` : 'another format'} of takeovers, and this one ${TAKEOVER_FORMAT}: restart it`;
  if (!isVersion(version)) return 'its request lacks the version';
  if (!Array.isArray(interfaces) || !interfaces.every((name) => typeof name === 'string')) return 'its request lacks the interfaces';
  if (queues?.first === own.first && queues.last === own.last) return undefined;
  const isRange = Number.isSafeInteger(queues?.first) && Number.isSafeInteger(queues?.last);
  return `it has --queue=${range(own)}, and the new one ${isRange ? `--queue=${range(queues!)}` : 'says none'}: give the same, or restart it`;
}

/** Whether an offer has all that is needed, for the queues asked for. */
export function isOffer(message: Readonly<Record<string, unknown>>, { first, last }: Request['queues'], passed: number): boolean {
  const { takeover, version, pid, descriptors, state, flowAddress, service, drained } = message as Partial<Offer>;
  const queues = Array.from({ length: last - first + 1 }, (_, i) => `queue ${first + i}`);
  return (
    takeover === TAKEOVER_FORMAT &&
    isVersion(version) &&
    Number.isSafeInteger(pid) &&
    Array.isArray(descriptors) &&
    descriptors.length === passed &&
    descriptors.every((name) => typeof name === 'string') &&
    // Of two of one name, one would never be closed.
    new Set(descriptors).size === descriptors.length &&
    ['state', ...queues].every((name) => descriptors.includes(name)) &&
    Array.isArray(state) &&
    state.every((part) => isPart(part)) &&
    (flowAddress === undefined || typeof flowAddress === 'string') &&
    (drained === undefined || typeof drained === 'boolean') &&
    (service === undefined || isService(service))
  );
}

/** It is shown: one line, and nothing that a terminal obeys. */
function isVersion(version: unknown): version is string {
  return typeof version === 'string' && /^[\x20-\x7e]{1,100}$/.test(version);
}

function isService(service: unknown): service is NonNullable<Offer['service']> {
  const { address, period } = (service ?? {}) as Partial<NonNullable<Offer['service']>>;
  return typeof address === 'string' && (period === undefined || (Number.isFinite(period) && period > 0));
}

function isPart(part: unknown): part is StatePart {
  const { name, layout, octets } = (part ?? {}) as Partial<StatePart>;
  return typeof name === 'string' && typeof layout === 'string' && Number.isSafeInteger(octets) && octets! >= 0;
}

function range({ first, last }: Request['queues']): string {
  return first === last ? `${first}` : `${first}:${last}`;
}
