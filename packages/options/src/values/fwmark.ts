import { type ValueParser, wholeNumber } from './whole-number.js';

const WHY = 'the shared table holds a signed 32-bit number';

/** Reads a firewall mark as stored in a table: 0 to 2147483647. */
export const fwmark: ValueParser<number> = wholeNumber({ min: 0, max: 0x7fffffff }, WHY);

/** Reads the firewall mark of a target: 1 to 2147483647. */
export const targetFwmark: ValueParser<number> = wholeNumber(
  { min: 1, max: 0x7fffffff },
  'a packet with fwmark 0 counts as one without, and is dropped',
);

/** Reads a firewall mark, or −1 for none. */
export const fwmarkOrNone: ValueParser<number> = wholeNumber({ min: -1, max: 0x7fffffff }, `-1 for none; ${WHY}`);
