import fc from 'fast-check';
import { expect, test } from 'vitest';
import { djb2 } from './djb2.js';

/** The definition, octet by octet. */
function naive(bytes: Uint8Array): number {
  let hash = 5381n;
  for (const octet of bytes) hash = (hash * 33n + BigInt(octet)) % 2n ** 32n;
  return Number(hash);
}

test('hashing word by word gives the same result as octet by octet', () => {
  fc.assert(
    fc.property(fc.int32Array({ maxLength: 10 }), (words) => {
      expect(djb2(words, 0, words.length) >>> 0).toBe(naive(new Uint8Array(words.buffer, words.byteOffset, words.byteLength)));
    }),
  );
});

test('hashes only the words from begin to end', () => {
  const bytes = Uint8Array.from({ length: 12 }, (_, i) => 251 - i);
  expect(djb2(new Int32Array(bytes.buffer), 1, 2) >>> 0).toBe(naive(bytes.subarray(4, 8)));
});
