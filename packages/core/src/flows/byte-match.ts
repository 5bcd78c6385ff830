// A condition on a field of the TCP, UDP or SCTP header: `tcp[13:1] & 0x02 = 2` matches TCP segments with SYN set.

import { CoreError } from '../core-error.js';
import { FIXED_HEADER_LENGTH, type FlowProtocol } from './flow-protocol.js';

/** A header field, in network byte order: field & mask must equal value. */
export interface ByteMatch {
  /** Packets of other protocols match. */
  readonly protocol: FlowProtocol;
  /** Offset of the field in the header, in octets. */
  readonly offset: number;
  /** Length of the field in octets: 1, 2 or 4. */
  readonly length: number;
  /** Not wider than the field; all ones if none was given. */
  readonly mask: number;
  readonly value: number;
}

const FORM = /^(sctp|tcp|udp)\[([0-9]+) *: *([124])\](?: *& *(0x[0-9a-f]+))? *= *([0-9]+|0x[0-9a-f]+)$/;
const SHOWN_FORM =
  'PROTOCOL[OFFSET:LENGTH] & 0xMASK = VALUE, such as tcp[2:2] = 80; PROTOCOL is tcp, udp or sctp, LENGTH 1, 2 or 4, the mask optional';

/**
 * Parses a byte match. `010` is decimal ten; hexadecimal digits are lower case.
 *
 * @throws CoreError `out-of-range`: wrong syntax, the field exceeds the header, or mask or value exceed the field
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

/** As C nfqlb prints it: `tcp[2:2]&0xff=0x50`. */
export function formatByteMatch({ protocol, offset, length, mask, value }: ByteMatch): string {
  const masked = mask === 2 ** (8 * length) - 1 ? '' : `&0x${mask.toString(16)}`;
  return `${protocol}[${offset}:${length}]${masked}=0x${value.toString(16)}`;
}
