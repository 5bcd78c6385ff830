import { defineFlow, type FlowDefinition } from '@nfqlb/core/flows';
import { z } from 'zod';
import type { DeclaredTable } from './configuration.js';
import { flowSchema } from './flow-schema.js';
import { refusedBy } from './refusal.js';
import { tableSchema } from './table-schema.js';

const tableName = z.string().superRefine(refusedBy((target) => defineFlow({ name: 'any', target })));

/** A configuration file as a whole. */
export const configurationSchema: z.ZodType<{
  readonly tables?: Readonly<Record<string, DeclaredTable>> | undefined;
  readonly flows?: readonly FlowDefinition[] | undefined;
}> = z.strictObject({
  tables: z.record(tableName, tableSchema).optional(),
  flows: z.array(flowSchema).optional(),
});
