import { expect, test } from 'vitest';
import { halfSipHash } from './half-siphash.js';

// From the Linux kernel's lib/test_siphash.c: key 00 01 … 07, message 00 01 … of the given length.
test.each([
  [5, 0x88e3d89b],
  [9, 0xc839caed],
  [13, 0x66dd9cd6],
  [33, 0xe0f6c934],
  [37, 0x732ba8cb],
])('the published hash of a message of %i octets', (length, hash) => {
  const octets = Uint8Array.from({ length: length - 1 }, (_, i) => i);
  const words = new Int32Array(octets.buffer);
  const last = words.length - 1;
  expect(halfSipHash(words, 0, last, 1, words[last]!, length - 1, 1, 0x03020100, 0x07060504) >>> 0).toBe(hash);
});

test.each([
  [4, 0x7e059ea6],
  [7, 0x9d38d9d6],
])('and of a message of %i octets', (length, hash) => {
  const tail = [...Array.from({ length: length - 4 }, (_, i) => i + 4)].reduce((word, octet, i) => word | (octet << (8 * i)), 0);
  expect(halfSipHash(new Int32Array(0), 0, 0, 1, 0x03020100, tail, length - 4, 0x03020100, 0x07060504) >>> 0).toBe(hash);
});

test('hashes only every step-th word', () => {
  const hash = (...words: number[]): number => halfSipHash(Int32Array.from(words), 3, 8, 4, 7, 17, 1, 1, 2);
  expect(hash(1, 2, 3, 4, 5, 6, 7, 8)).toBe(hash(0, 0, 0, 4, 0, 0, 0, 8));
  expect(hash(1, 2, 3, 4, 5, 6, 7, 8)).not.toBe(hash(1, 2, 3, 5, 5, 6, 7, 8));
  expect(hash(0, 0, 0, 4, 0, 0, 0, 8)).toBe(halfSipHash(Int32Array.of(4, 8), 0, 2, 1, 7, 17, 1, 1, 2));
});
