import fc from 'fast-check';
import { expect, test } from 'vitest';
import { djb2 } from './djb2.js';

/** The definition, octet by octet. */
function naive(bytes: Uint8Array): number {
  let hash = 5381n;
  for (const octet of bytes) hash = (hash * 33n + BigInt(octet)) % 2n ** 32n;
  return Number(hash);
}

test('four octets a step give what one octet a step gives', () => {
  const octets = fc.integer({ min: 0, max: 10 }).chain((words) => fc.uint8Array({ minLength: 4 * words, maxLength: 4 * words }));
  fc.assert(
    fc.property(octets, (bytes) => {
      expect(djb2(bytes, 0, bytes.length)).toBe(naive(bytes));
    }),
  );
});

test('only the octets from begin to end count', () => {
  const bytes = Uint8Array.from({ length: 12 }, (_, i) => 251 - i);
  expect(djb2(bytes, 4, 8)).toBe(naive(bytes.subarray(4, 8)));
});
