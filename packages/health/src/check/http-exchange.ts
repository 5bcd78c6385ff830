// The first line of an answer of HTTP/1.1 (RFC 9112 §4) is all that a check needs.

import type { HttpCheck, StatusRange } from '../settings/health-settings.js';
import { CheckFailure } from './outcome.js';

type Request = Pick<HttpCheck, 'method' | 'path' | 'host' | 'port'>;

/** @param address that the request goes to: an IP address */
export function httpRequest({ method, path, host, port }: Request, address: string, defaultPort: number): string {
  const name = address.includes(':') ? `[${address}]` : address;
  const authority = host ?? (port === defaultPort ? name : `${name}:${port}`);
  return `${method} ${path} HTTP/1.1\r\nHost: ${authority}\r\nUser-Agent: nfqlb-health\r\nAccept: */*\r\nConnection: close\r\n\r\n`;
}

/** Octets in which a status line must end. */
const MAX_STATUS_LINE = 4096;

/**
 * @param answer its first octets, so far
 * @returns whether more is needed
 * @throws {@link CheckFailure} for another status, or if it is not HTTP
 */
export function readStatusLine(answer: string, allowed: readonly StatusRange[]): 'more' | 'passed' {
  const end = answer.indexOf('\n');
  if (end < 0 && answer.length < MAX_STATUS_LINE && 'HTTP/'.startsWith(answer.slice(0, 5))) return 'more';
  const [, digits] = /^HTTP\/\d\.\d (\d{3})(?: |\r?\n)/.exec(answer) ?? [];
  if (digits === undefined) throw new CheckFailure('not an answer of HTTP');
  const status = Number(digits);
  if (allowed.some(({ from, to }) => status >= from && status <= to)) return 'passed';
  throw new CheckFailure(`status ${digits}, expected ${allowed.map(formatRange).join(', ')}`);
}

function formatRange({ from, to }: StatusRange): string {
  return from === to ? String(from) : `${from}–${to}`;
}

export function closedEarly(): CheckFailure {
  return new CheckFailure('connection closed without an answer');
}
