import { createHash } from 'node:crypto';
import { type HashKey, type Target, TargetTable } from '@nfqlb/core';
import { expect, test } from 'vitest';
import { tableDigest, valueDigest } from './digest.js';

function table(targets: readonly Target[], M = 997, hashKey?: HashKey): TargetTable {
  const options = { M, N: 32, permutation: 'fwmark', hashKey } as const;
  const made = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(options)), options);
  for (const target of targets) made.activate([target]);
  return made;
}

const [one, two, three] = [{ fwmark: 1 }, { fwmark: 2 }, { fwmark: 3, weight: 2 }] as const;
const digest = tableDigest(table([one, two, three]));

test('is that of where the buckets lead', () => {
  const made = table([one, two, three]);
  const octets = Buffer.alloc(4 * made.M);
  for (const [bucket, slot] of made.lookup.entries()) octets.writeInt32LE(made.active[slot]!, 4 * bucket);
  const hash = createHash('sha256').update(octets).digest('hex').slice(0, 12);
  expect(digest.toString(16).padStart(12, '0')).toBe(hash);
});

test('does not depend on the order in which targets came, or on those that have gone', () => {
  expect(tableDigest(table([three, two, one]))).toBe(digest);
  const changed = table([{ fwmark: 9 }, three, one]);
  changed.deactivate([9]);
  changed.activate([two]);
  expect(tableDigest(changed)).toBe(digest);
});

test.each([
  ['targets', table([one, two])],
  ['weights', table([one, two, { fwmark: 3 }])],
  ['sizes', table([one, two, three], 1009)],
  ['no targets', table([])],
  ['hash keys', table([one, two, three], 997, [1, 2])],
])('differs for other %s', (_what, other) => {
  expect(tableDigest(other)).not.toBe(digest);
});

test('of other values counts every part, and order', () => {
  const flows = [{ name: 'a', dports: '80' }, { name: 'b' }];
  expect(valueDigest(structuredClone(flows))).toBe(valueDigest(flows));
  for (const other of [flows.toReversed(), flows.slice(1), [{ name: 'a', dports: '81' }, { name: 'b' }]]) {
    expect(valueDigest(other)).not.toBe(valueDigest(flows));
  }
});
