import { describe, expect, test } from 'vitest';
import { crc32c, internetChecksum } from './checksum.js';

describe('the Internet checksum', () => {
  test('of the example in RFC 1071 §3, 0001 f203 f4f5 f6f7, whose sum is ddf2', () => {
    expect(internetChecksum(Buffer.from('0001f203f4f5f6f7', 'hex'))).toBe(~0xddf2 & 0xffff);
  });

  test('of pieces equals that of the whole, and an odd octet counts as the upper half of a word', () => {
    const bytes = Buffer.from('0001f203f4f5f6f7ab', 'hex');
    expect(internetChecksum(bytes.subarray(0, 4), bytes.subarray(4))).toBe(internetChecksum(Buffer.concat([bytes, Buffer.alloc(1)])));
  });
});

describe('CRC-32C', () => {
  test.each([
    ['"123456789"', Buffer.from('123456789'), 0xe3069283],
    ['32 octets of zero (RFC 3720 B.4)', new Uint8Array(32), 0x8a9136aa],
    ['32 octets of all ones (RFC 3720 B.4)', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['32 octets counting up (RFC 3720 B.4)', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ])('of %s', (_name, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });
});
