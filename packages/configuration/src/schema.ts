import { CoreError, MAX_BUCKETS, TargetTable } from '@nfqlb/core';
import { formatCidr, formatIpAddress } from '@nfqlb/core/address';
import { defineFlow, type FlowDefinition, requireNetworks } from '@nfqlb/core/flows';
import { discoverSchema, fwmarksSchema } from '@nfqlb/discovery/settings';
import {
  completeHealth,
  type DeclaredHealth,
  type DeclaredTableHealth,
  tableHealthSchema,
  targetHealthSchema,
} from '@nfqlb/health/settings';
import {
  DJB2,
  drainSeconds,
  fwmark,
  packetHash,
  targetAddress,
  targetFwmark,
  UsageError,
  vip,
  weight,
  wholeNumber,
} from '@nfqlb/options/values';
import * as z from 'zod';
import { type DeclaredMember, type DeclaredTable, type OptionValue, SERVICE_MODES } from './configuration.js';

/** A target in a list. */
const targetSchema = z.strictObject({
  fwmark: option(targetFwmark),
  address: addresses().optional(),
  weight: option(weight).default(1),
  drain: z.boolean().default(false),
  health: targetHealthSchema.optional(),
});

/** Weights by fwmark, where addresses are somebody else's business. */
const weightsSchema = z.record(z.string().superRefine(refusedBy(targetFwmark)), option(weight)).transform((weights) =>
  Object.entries(weights).map(([mark, share]) => ({
    fwmark: Number(mark),
    weight: share,
    address: undefined,
    drain: false,
    health: undefined,
  })),
);

/** A table, with the options of `init`, and its targets; with VIPs, those of `up`. */
const tableSchema: z.ZodType<DeclaredTable> = z
  .strictObject({
    M: option(wholeNumber({ max: 0xffffffff })).default(997),
    N: option(wholeNumber({ min: 1, max: MAX_BUCKETS })).default(32),
    ownfw: option(fwmark).default(0),
    permutation: z.enum(['fwmark', 'nfqlb']).default('fwmark'),
    hash: z.string().superRefine(refusedBy(packetHash)).transform(packetHash).default(DJB2),
    drain: option(drainSeconds).default(0),
    vips: vips().optional(),
    mode: z.enum(SERVICE_MODES).optional(),
    'keep-source': z.boolean().default(false),
    'syn-only': z.boolean().default(false),
    announce: z.boolean().default(false),
    health: tableHealthSchema.optional(),
    fwmarks: fwmarksSchema.optional(),
    discover: discoverSchema.optional(),
    targets: z.union([weightsSchema, z.array(targetSchema)]).default([]),
  })
  .transform(
    ({
      ownfw,
      hash,
      targets,
      vips: served,
      mode,
      'keep-source': keepSource,
      'syn-only': synOnly,
      announce,
      health,
      discover,
      fwmarks,
      ...table
    }) => ({
      ...table,
      ownFwmark: ownfw,
      ...(hash.hashKey && { hash: hash.text, hashKey: hash.hashKey }),
      targets: targets.filter(({ drain }) => !drain).map(({ fwmark: mark, weight: share }) => ({ fwmark: mark, weight: share })),
      ...(served && mode && { service: { vips: served, mode, keepSource, synOnly, announce } }),
      ...(targets.some(({ address }) => address) && {
        members: targets.flatMap(({ fwmark: mark, weight: share, address, drain, health: own }) =>
          address ? [{ fwmark: mark, weight: share, addresses: address, maintenance: drain, ...checkOf(health, own) }] : [],
        ),
      }),
      ...(health?.panic !== undefined && { panic: health.panic }),
      ...(discover && fwmarks && { discovery: { source: discover, fwmarks, ...checkOf(health, undefined) } }),
    }),
  )
  .superRefine(refusedBy(TargetTable.bucketsFor))
  .superRefine(refusedBy(checkTargets, ['targets']));

/** What is wrong between the two is named elsewhere (health-faults.ts). */
function checkOf(table: DeclaredTableHealth | undefined, own: DeclaredHealth | undefined): Pick<DeclaredMember, 'health'> {
  const complete = completeHealth(table, own);
  return 'settings' in complete && complete.settings ? { health: complete.settings } : {};
}

/** One, or a list; as text in the usual form. */
function addresses(): z.ZodType<string[]> {
  return oneOrMore((text) => formatIpAddress(targetAddress(text)));
}

function vips(): z.ZodType<string[]> {
  return oneOrMore((text) => formatCidr(vip(text)));
}

function oneOrMore(read: (text: string) => string): z.ZodType<string[]> {
  const member = z.string().superRefine(refusedBy(read)).transform(read);
  return z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(member).min(1, 'must not be empty'));
}

function option(read: (text: string) => number): z.ZodNumber {
  return z.number().superRefine(refusedBy((value) => read(String(value))));
}

/** What `activate` would refuse. */
function checkTargets({ N, permutation, targets }: DeclaredTable): void {
  if (targets.length > N) throw new UsageError('invalid-value', `${targets.length} targets: the table has N=${N} slots`);
  if (permutation === 'nfqlb' && targets.some((target) => target.weight !== targets[0]!.weight)) {
    throw new UsageError('invalid-value', 'unequal weights need permutation fwmark; this table has nfqlb');
  }
}

type Field = Exclude<keyof FlowDefinition, 'name' | 'target'>;

/** A flow, with the keys of `flow-set`. `defineFlow` decides which values are allowed. */
const flowSchema: z.ZodType<FlowDefinition> = z
  .strictObject({
    name: z.string().superRefine(refusedBy((name) => defineFlow({ name, target: 'any' }))),
    target: z
      .string()
      .superRefine(refusedBy((target) => defineFlow({ name: 'any', target })))
      .transform((target) => target.replace(/^\//, '')),
    priority: numberField('priority'),
    protocols: listField('protocols'),
    dsts: listField('dsts'),
    srcs: listField('srcs'),
    dports: listField('dports'),
    sports: listField('sports'),
    match: listField('match'),
    udpencap: z.number().optional(),
  })
  // All that can still be wrong is the encapsulation port, by itself or in combination with the protocols.
  .superRefine(refusedBy(defineFlow, ['udpencap']));

function numberField(field: Field): z.ZodType<number | undefined> {
  return z
    .number()
    .superRefine(refusedBy((value) => define(field, value)))
    .optional();
}

/** A list, or a single member; a member may itself be comma-separated, as for `flow-set`. */
function listField(field: Field): z.ZodType<string | undefined> {
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

const tableName = z.string().superRefine(refusedBy((target) => defineFlow({ name: 'any', target })));

/** Where a load balancer has its metrics, without a path. */
function memberUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url?.protocol === 'http:' && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
  if (!isPlain || url.port === '')
    throw new UsageError('invalid-value', 'must be where a load balancer has its metrics: http://10.1.0.3:9911');
  return url.origin;
}

/** An option of `nfqlb run`; which there are, and their values, is for the program to say. */
const optionSchema = z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))], {
  error: 'must be text, a number, true or false, or a list of these',
});

/** A configuration file as a whole. */
export const configurationSchema: z.ZodType<{
  readonly tables?: Readonly<Record<string, DeclaredTable>> | undefined;
  readonly flows?: readonly FlowDefinition[] | undefined;
  readonly tier?: readonly string[] | undefined;
  readonly options?: Readonly<Record<string, OptionValue>> | undefined;
}> = z.strictObject({
  tables: z.record(tableName, tableSchema).optional(),
  flows: z.array(flowSchema).optional(),
  tier: z.array(z.string().superRefine(refusedBy(memberUrl)).transform(memberUrl)).optional(),
  options: z.record(z.string(), optionSchema).optional(),
});

/**
 * Turns a function that throws what is wrong with a value into a schema check: so each rule exists once, where the value is used.
 *
 * @param path from the value to what is refused
 */
function refusedBy<T>(check: (value: T) => unknown, path: readonly string[] = []): (value: T, context: z.RefinementCtx) => void {
  return (value, context) => {
    try {
      check(value);
    } catch (error) {
      // The parser of an option's value does not know the option's name; errors of core name their subject.
      const unnamed = error instanceof UsageError;
      if (!unnamed && !(error instanceof CoreError)) throw error;
      const message = unnamed ? error.problem : error.message;
      // `continue: false`: a value that is wrong by itself is not checked in combination with others.
      // The path is copied, because zod prepends its own.
      context.addIssue({ code: 'custom', path: [...path], message, params: { unnamed }, continue: false });
    }
  };
}
