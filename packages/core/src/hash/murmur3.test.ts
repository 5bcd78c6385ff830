import { expect, test } from 'vitest';
import { murmur3 } from './murmur3.js';

// Published vectors of MurmurHash3_x86_32 for four octets, here as a little-endian word.
test.each([
  ['00 00 00 00', 0x00000000, 0, 0x2362f9de],
  ['ff ff ff ff', 0xffffffff, 0, 0x76293b50],
  ['21 43 65 87', 0x87654321, 0, 0xf55b516b],
  ['21 43 65 87', 0x87654321, 0x5082edee, 0x2362f9de],
  ['"test"', 0x74736574, 0, 0xba6bd213],
  ['"test"', 0x74736574, 0x9747b28c, 0x704b81dc],
])('%s, %i, seed %i', (_octets, word, seed, expected) => {
  expect(murmur3(word, seed) >>> 0).toBe(expected);
});
