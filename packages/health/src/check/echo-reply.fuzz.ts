// Any packet as the answer to an ICMP echo: it passes if a naive reader says that it is the reply to this echo, and no other.

import { type FuzzInput, type FuzzTarget, packet, same } from '@nfqlb/core/testing';
import { isEchoReply } from './echo-reply.js';

const REQUEST = { 4: 8, 6: 128 } as const;
const REPLY = { 4: 0, 6: 129 } as const;
type Family = keyof typeof REPLY;

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** Without an IP header. */
function message(family: Family, type: number, id: number, sequence: number, data: Uint8Array): Uint8Array {
  const echo = packet().ipv4('0.0.0.0', '0.0.0.0').icmpEcho(id, sequence).payload(data).build().slice(20);
  // The checksum is IPv4's, of whatever type.
  const before = REQUEST[4];
  echo[0] = type;
  const view = new DataView(echo.buffer);
  if (family === 4) view.setUint16(2, (view.getUint16(2) + 256 * (before - type)) % 0xffff);
  return echo;
}

/** RFC 791 §3.1, RFC 792 and RFC 4443 §4.2, by the letter. */
function naive(received: Uint8Array, echo: Uint8Array, family: Family): boolean {
  let octets = [...received];
  if (family === 4) {
    const words = (octets[0] ?? 0) % 16;
    if (words < 5 || octets.length < 4 * words) return false;
    octets = octets.slice(4 * words);
    if (octets.length % 2 === 1) octets.push(0);
    let sum = 0;
    for (let i = 0; i < octets.length; i += 2) sum += 256 * octets[i]! + octets[i + 1]!;
    // Ones' complement: all ones, which is 0 modulo 2¹⁶ − 1; nothing but zeros sums up to the other zero.
    if (sum === 0 || sum % 0xffff !== 0) return false;
    octets = [...received.subarray(4 * words)];
  }
  if (octets.length < 8 || octets[0] !== REPLY[family]) return false;
  const [code, id, sequence, data] = [octets[1]!, octets.slice(4, 6), octets.slice(6, 8), octets.slice(8)];
  const asked = [...echo];
  return (
    code === 0 &&
    String(id) === String(asked.slice(4, 6)) &&
    String(sequence) === String(asked.slice(6, 8)) &&
    String(data) === String(asked.slice(8))
  );
}

/** IPv4, as a raw socket shows it; a header of any length. */
function underHeader(input: FuzzInput, inside: Uint8Array): Uint8Array {
  const words = input.pick([5, 5, 5, 6, 15, 4, 0]);
  return Uint8Array.from([0x40 + words, ...new Uint8Array(Math.max(0, 4 * words - 1)), ...inside]);
}

const target: FuzzTarget = {
  run(input) {
    const family = input.pick<Family>([4, 6]);
    const data = input.bytes(input.pick([16, 16, 0, 3]));
    const [id, sequence] = [input.u16(), input.u16()];
    const echo = message(family, REQUEST[family], id, sequence, data);
    let received: Uint8Array;
    const kind = input.below(4);
    if (kind === 0) received = input.rest();
    else {
      // The reply; one that differs in what it says, with a checksum to match; or in its octets.
      const differs = kind === 1 ? input.below(16) : 0;
      const type = (differs & 1) === 1 ? input.u8() : REPLY[family];
      const other = (differs & 8) === 8 ? Uint8Array.from([...input.bytes(2), ...data.subarray(input.below(4))]) : data;
      let reply = message(
        family,
        type,
        id ^ ((differs & 2) === 2 ? input.u16() : 0),
        sequence ^ ((differs & 4) === 4 ? input.u16() : 0),
        other,
      );
      if (kind === 2) {
        for (const edits = input.list(3, () => 0); edits.length > 0; edits.pop()) reply[input.below(reply.length)]! ^= input.u8();
        reply = Uint8Array.from([...reply.subarray(0, reply.length - input.pick([0, 0, 0, 1, 9])), ...input.bytes(input.pick([0, 0, 2]))]);
      }
      received = family === 4 ? underHeader(input, reply) : reply;
    }
    const passes = isEchoReply(Buffer.from(received), echo, family === 4);
    same(`the answer ${hex(received)} to ${hex(echo)}`, passes, naive(received, echo, family));
    input.note(Number(passes) + 2 * kind + 8 * Number(family === 6));
  },
};
export default target;
