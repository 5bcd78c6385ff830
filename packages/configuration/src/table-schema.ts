import { MAX_BUCKETS, TargetTable } from '@nfqlb/core';
import { fwmark, targetFwmark, UsageError, weight, wholeNumber } from '@nfqlb/options';
import { z } from 'zod';
import type { DeclaredTable } from './configuration.js';
import { refusedBy } from './refusal.js';

/** A table, with the options of `init`, and its targets: weights by fwmark. */
export const tableSchema: z.ZodType<DeclaredTable> = z
  .strictObject({
    M: number(wholeNumber({ max: 0xffffffff })).default(997),
    N: number(wholeNumber({ min: 1, max: MAX_BUCKETS })).default(32),
    ownfw: number(fwmark).default(0),
    permutation: z.enum(['fwmark', 'nfqlb']).default('fwmark'),
    targets: z.record(z.string().superRefine(refusedBy(targetFwmark)), number(weight)).default({}),
  })
  .transform(({ ownfw, targets, ...table }) => ({
    ...table,
    ownFwmark: ownfw,
    targets: Object.entries(targets).map(([mark, share]) => ({ fwmark: Number(mark), weight: share })),
  }))
  .superRefine(refusedBy(TargetTable.bucketsFor))
  .superRefine(refusedBy(checkTargets, ['targets']));

function number(read: (text: string) => number): z.ZodNumber {
  return z.number().superRefine(refusedBy((value) => read(String(value))));
}

/** What `activate` would refuse. */
function checkTargets({ N, permutation, targets }: DeclaredTable): void {
  if (targets.length > N) throw new UsageError('invalid-value', `${targets.length} targets: the table has N=${N} slots`);
  if (permutation === 'nfqlb' && targets.some((target) => target.weight !== targets[0]!.weight)) {
    throw new UsageError('invalid-value', 'unequal weights need permutation fwmark; this table has nfqlb');
  }
}
