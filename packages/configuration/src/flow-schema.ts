import { defineFlow, type FlowDefinition, requireNetworks } from '@nfqlb/core/flows';
import { z } from 'zod';
import { refusedBy } from './refusal.js';

type Field = Exclude<keyof FlowDefinition, 'name' | 'target'>;

/** A flow, with the keys of `flow-set`. `defineFlow` decides which values are allowed. */
export const flowSchema: z.ZodType<FlowDefinition> = z
  .strictObject({
    name: z.string().superRefine(refusedBy((name) => defineFlow({ name, target: 'any' }))),
    target: z
      .string()
      .superRefine(refusedBy((target) => defineFlow({ name: 'any', target })))
      .transform((target) => target.replace(/^\//, '')),
    priority: number('priority'),
    protocols: list('protocols'),
    dsts: list('dsts'),
    srcs: list('srcs'),
    dports: list('dports'),
    sports: list('sports'),
    match: list('match'),
    udpencap: z.number().optional(),
  })
  // All that can still be wrong is the encapsulation port, by itself or in combination with the protocols.
  .superRefine(refusedBy(defineFlow, ['udpencap']));

function number(field: Field): z.ZodType<number | undefined> {
  return z
    .number()
    .superRefine(refusedBy((value) => define(field, value)))
    .optional();
}

/** A list, or a single member; a member may itself be comma-separated, as for `flow-set`. */
function list(field: Field): z.ZodType<string | undefined> {
  const member = z
    .custom<string | number>(isMember, { error: 'must be text or a number', params: { unnamed: true } })
    .superRefine(refusedBy((value) => define(field, value)));
  const members = z.preprocess((value) => (isMember(value) ? [value] : value), z.array(member));
  return members.transform((all) => all.join()).optional();
}

function isMember(value: unknown): value is string | number {
  return typeof value === 'number' || (typeof value === 'string' && value !== '');
}

function define(field: Field, value: string | number): void {
  const definition = { [field]: typeof value === 'number' && field !== 'priority' ? String(value) : value };
  defineFlow({ name: 'any', target: 'any', ...definition });
  requireNetworks(definition);
}
