// Any packet as the answer to an SCTP INIT: accepted or refused if a naive reader says that it is the answer to this INIT, and no other.

import { type FuzzInput, type FuzzTarget, packet, same } from '@nfqlb/core/testing';
import { readInitAnswer, type SentInit } from './init-answer.js';

const HEADER = 12;
const TAGS = [1, 0x80000000, 0xffffffff];
const TYPES = [2, 2, 2, 6, 6, 1, 0, 9];

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

const reversed = (value: bigint, bits: number): bigint => BigInt(`0b${[...value.toString(2).padStart(bits, '0')].reverse().join('')}`);

/** CRC32c as in RFC 9260 Appendix A: by long division of polynomials, the first bit of each octet last. As the octets of a packet. */
function naiveChecksum(octets: readonly number[]): string {
  const GENERATOR = 0x1_1edc_6f41n;
  let rest = 0xffffffffn;
  for (const octet of octets) {
    rest ^= reversed(BigInt(octet), 8) << 24n;
    for (let bit = 0; bit < 8; bit++) {
      rest <<= 1n;
      if (rest >> 32n) rest ^= GENERATOR;
    }
  }
  const crc = Number(reversed(~rest & 0xffffffffn, 32));
  return hex(Uint8Array.of(crc, crc >>> 8, crc >>> 16, crc >>> 24));
}

const number = (octets: readonly number[]): number => octets.reduce((sum, octet) => 256 * sum + octet, 0);

/** RFC 791 §3.1; RFC 9260 §3.1, §3.3.3, §3.3.7, §6.8 and §8.5. */
function naive(received: Uint8Array, { port, ownPort, tag }: SentInit, isV4: boolean): string {
  const words = isV4 ? (received[0] ?? 0) % 16 : 0;
  if (isV4 && words < 5) return 'nothing';
  const octets = [...received.subarray(4 * words)];
  const field = (at: number, length: number): number[] => octets.slice(at, at + length);
  // The header, and that of a chunk.
  if (octets.length < HEADER + 4) return 'nothing';
  if (number(field(0, 2)) !== port || number(field(2, 2)) !== ownPort || number(field(4, 4)) !== tag) return 'nothing';
  const checksum = hex(Uint8Array.from(field(8, 4)));
  if (checksum !== '00000000' && checksum !== naiveChecksum([...field(0, 8), 0, 0, 0, 0, ...octets.slice(HEADER)])) return 'nothing';
  const chunk = octets.slice(HEADER, HEADER + number(field(14, 2)));
  if (chunk.length < number(field(14, 2))) return 'nothing';
  if (chunk[0] === 6 && chunk.length >= 4) return 'refused';
  if (chunk[0] !== 2 || chunk.length < 20) return 'nothing';
  const peerTag = number(chunk.slice(4, 8));
  return peerTag === 0 ? 'nothing' : `accepted ${peerTag}`;
}

/** INIT ACK, ABORT or another chunk, of any length that it may say to have. */
function chunkOf(input: FuzzInput): Uint8Array {
  const type = input.pick(TYPES);
  const octets = Uint8Array.from([
    type,
    input.pick([0, 0, 1]),
    0,
    0,
    ...new Uint8Array(input.pick(type === 6 ? [0, 0, 4] : [16, 16, 24, 15, 4])),
  ]);
  new DataView(octets.buffer).setUint16(2, octets.length + input.pick([0, 0, 0, 0, 1, -1, -4]));
  octets.set(input.bytes(4).subarray(0, octets.length - 4), 4);
  return octets;
}

const target: FuzzTarget = {
  run(input) {
    const isV4 = input.flag();
    const sent = { port: 1 + input.below(3), ownPort: 50_000 + input.below(3), tag: input.pick(TAGS) };
    const kind = input.below(4);
    let received: Uint8Array;
    if (kind === 0) received = input.rest();
    else {
      const differs = kind === 1 ? input.below(8) : 0;
      const [port, ownPort, tag] = [
        differs & 1 ? input.u16() : sent.port,
        differs & 2 ? input.u16() : sent.ownPort,
        differs & 4 ? input.u32() : sent.tag,
      ];
      const ip = packet().ipv4('192.0.2.1', '192.0.2.2');
      const whole = ip.sctp(port, ownPort, { tag }).payload(chunkOf(input)).build();
      const octets = kind === 2 ? whole.slice(0, whole.length - input.pick([0, 0, 1, 4, 17])) : whole;
      if (kind === 2)
        for (const edits = input.list(3, () => 0); edits.length > 0; edits.pop()) octets[input.below(octets.length)]! ^= input.u8();
      // As a sender on the same machine leaves it.
      if (input.below(8) === 1) octets.fill(0, 28, 32);
      received = isV4 ? octets : octets.subarray(20);
    }
    const answer = readInitAnswer(Buffer.from(received), sent, isV4);
    const text = answer === undefined ? 'nothing' : answer.kind === 'refused' ? 'refused' : `accepted ${answer.peerTag}`;
    same(`the answer ${hex(received)} to ${JSON.stringify(sent)}`, text, naive(received, sent, isV4));
    input.note(text.charCodeAt(0) + 128 * kind + 1024 * Number(isV4));
  },
};
export default target;
