// What a flow asks of single fields of the TCP, UDP or SCTP header: `tcp[13:1] & 0x02 = 2` is a TCP header with SYN set.

import { CoreError } from '../core-error.js';
import { FIXED_HEADER_LENGTH, type FlowProtocol } from './flow-protocol.js';

/** A field of a header, read in network byte order: what of it the mask leaves must be the value. */
export interface ByteMatch {
  /** Packets of any other protocol match. */
  readonly protocol: FlowProtocol;
  /** Octets of the header before the field. */
  readonly offset: number;
  /** Octets of the field: 1, 2 or 4. */
  readonly length: number;
  /** As wide as the field or narrower; all ones where none was given. */
  readonly mask: number;
  readonly value: number;
}

const FORM = /^(sctp|tcp|udp)\[([0-9]+) *: *([124])\](?: *& *(0x[0-9a-f]+))? *= *([0-9]+|0x[0-9a-f]+)$/;
const SHOWN_FORM = 'PROTOCOL[OFFSET:LENGTH] & 0xMASK = VALUE, as tcp[2:2] = 80, of tcp, udp or sctp, LENGTH 1, 2 or 4, the mask optional';

/**
 * Reads a byte match. Decimal numbers are digits only: `010` is ten; hexadecimal ones are lower-case.
 *
 * @throws {@link CoreError} `out-of-range`: it has another form, reaches out of the header, or out of its field
 */
export function parseByteMatch(text: string): ByteMatch {
  const [form, protocol = '', offset = '', octets = '', maskText, valueText = ''] = FORM.exec(text) ?? [];
  if (form === undefined) throw new CoreError('out-of-range', `must be ${SHOWN_FORM}`);

  const length = Number(octets);
  const header = FIXED_HEADER_LENGTH[protocol as FlowProtocol];
  if (Number(offset) + length > header) {
    throw new CoreError('out-of-range', `must end within the ${header} octets of the ${protocol} header`);
  }
  const ones = 2 ** (8 * length) - 1;
  const mask = maskText === undefined ? ones : Number(maskText);
  if (mask === 0 || mask > ones) throw new CoreError('out-of-range', `mask must be from 0x1 to 0x${ones.toString(16)}`);
  const value = Number(valueText);
  if (value > ones) throw new CoreError('out-of-range', `value must be from 0 to 0x${ones.toString(16)}`);
  return { protocol: protocol as FlowProtocol, offset: Number(offset), length, mask, value };
}

/** In the one form that C nfqlb prints: `tcp[2:2]&0xff=0x50`. */
export function formatByteMatch({ protocol, offset, length, mask, value }: ByteMatch): string {
  const masked = mask === 2 ** (8 * length) - 1 ? '' : `&0x${mask.toString(16)}`;
  return `${protocol}[${offset}:${length}]${masked}=0x${value.toString(16)}`;
}
