// Any octets as the answer to a check by HTTP, in pieces of any length: passed or failed as a naive reader of the whole says, and the same however it comes.

import { type FuzzTarget, isTrue, same } from '@nfqlb/core/testing';
import { readStatusLine } from './http-exchange.js';
import { CheckFailure } from './outcome.js';

const ALLOWED = [
  { from: 200, to: 299 },
  { from: 304, to: 304 },
];
/** Octets in which the line must end. */
const LONGEST = 4096;

/** As a check reads it: the answer grows by pieces until it is clear. */
function inPieces(answer: string, piece: number): string {
  for (let length = piece; ; length += piece) {
    try {
      if (readStatusLine(answer.slice(0, length), ALLOWED) === 'passed') return 'passed';
    } catch (error) {
      if (!(error instanceof CheckFailure)) throw error;
      return error.message;
    }
    if (length >= answer.length) return 'closed';
  }
}

/** RFC 9112 §4: `HTTP-version SP status-code SP [ reason-phrase ]`; some servers leave out the second space. */
function naive(answer: string): string {
  const end = answer.indexOf('\n');
  const isComplete = end >= 0 || answer.length >= LONGEST;
  const line = (end < 0 ? answer : answer.slice(0, end)).replace(/\r$/, '');
  const [version = '', status = '', ...reason] = line.split(' ');
  const isStatus = version.length === 8 && version.startsWith('HTTP/') && '0123456789'.includes(version[5]!) && version[6] === '.';
  const isHttp =
    isStatus && '0123456789'.includes(version[7]!) && status.length === 3 && [...status].every((digit) => digit >= '0' && digit <= '9');
  if (!isComplete) return answer.slice(0, 5) === 'HTTP/'.slice(0, Math.min(5, answer.length)) ? 'closed' : 'not an answer of HTTP';
  if (!isHttp || (end < 0 && reason.length === 0)) return 'not an answer of HTTP';
  const number = Number(status);
  return (number >= 200 && number <= 299) || number === 304 ? 'passed' : `status ${status}, expected 200–299, 304`;
}

const target: FuzzTarget = {
  seeds: [
    '\0HTTP/1.1 200 OK\r\n\r\n',
    '\0HTTP/1.0 304\n',
    '\0HTTP/1.1 503 Service Unavailable\r\n',
    '\0SSH-2.0-OpenSSH',
    `\0HTTP/1.1 200 ${'x'.repeat(4090)}`,
  ],
  words: ['HTTP/', '1.1 ', '200', '304 ', '\r\n', ' ', 'HTTP/1.1 200 '],
  run(input) {
    const piece = 1 + input.u8();
    const answer = input.text();
    const whole = inPieces(answer, Math.max(1, answer.length));
    same('as a naive reader', whole, naive(answer));
    same('in pieces', inPieces(answer, piece), whole);
    isTrue('one line', !whole.includes('\n'), whole);
    input.note(whole.charCodeAt(0));
  },
};
export default target;
