// What load balancers of a tier must have in common, as numbers: two that have the same number decide alike. Equal numbers of different contents
// would be a coincidence of one in 2⁴⁸.

import { createHash } from 'node:crypto';
import type { TargetTable } from '@nfqlb/core';

/** Octets of a digest: a double has 53 bits. */
const LENGTH = 6;

/** Where each bucket leads, and the key of the hash that leads to buckets. Slots, and the order in which targets came, make no difference. */
export function tableDigest({ lookup, active, hashKey }: Pick<TargetTable, 'lookup' | 'active' | 'hashKey'>): number {
  return digestOf(
    lookup.map((slot) => (slot < 0 ? slot : active[slot]!)),
    Uint32Array.from(hashKey ?? []),
  );
}

/** @param value is turned into JSON: the order of lists, and of fields, counts */
export function valueDigest(value: unknown): number {
  return digestOf(JSON.stringify(value));
}

function digestOf(...contents: readonly (string | Int32Array | Uint32Array)[]): number {
  const hash = createHash('sha256');
  for (const content of contents) hash.update(content);
  return hash.digest().readUIntBE(0, LENGTH);
}
